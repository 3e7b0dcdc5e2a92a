"""Catalogue files in, records out: JSON array, JSON lines, CSV, TSV and Parquet, plain, .gz or .zip."""

from multirecall.indexer.sources.base import BrokenRow, Notes, Records, Row, RowSource, SourceRow
from multirecall.indexer.sources.catalogue import Catalogue
from multirecall.indexer.sources.find import find_files

__all__ = ["BrokenRow", "Catalogue", "Notes", "Records", "Row", "RowSource", "SourceRow", "find_files"]
