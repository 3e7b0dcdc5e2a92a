"""The settings of the route `rewrite`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

__all__ = ["RewriterSettings"]


class RewriterSettings(BaseSettings):
    """Part of `Settings`."""

    rewriters: str = Field(
        "units,spelling,compounds,synonyms,languages,knowledge",
        description="rewriters of the route rewrite, in the order of their work; model:… last",
    )
    rewriter_dir: Path | None = Field(
        None, description="folder of what rewriters learn from the catalogue; empty: rewriters in cache_dir"
    )
    synonyms: Path | None = Field(None, description="your synonyms, in the syntax of Solr and Elasticsearch")
    knowledge: Path | None = Field(None, description="your concepts beside the built-in ones (TOML)")
