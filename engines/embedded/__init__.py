"""The embedded engine: tantivy for texts, filters and records, usearch for vectors, one folder on disk."""

from multirecall.engines.embedded.engine import EmbeddedEngine
from multirecall.engines.embedded.tuning import Tuning

__all__ = ["EmbeddedEngine", "Tuning"]
