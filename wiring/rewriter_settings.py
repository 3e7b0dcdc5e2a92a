"""The settings of the route `rewrite`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

__all__ = ["RewriterSettings"]


class RewriterSettings(BaseSettings):
    """Part of `Settings`. A blender that reads rewritings has the same rewriters, without a language model."""

    rewriters: str = Field(
        "units,spelling,compounds,synonyms,languages,knowledge",
        description="rewriters of the route rewrite, in the order of their work; model:… last",
    )
    rewriter_dir: Path | None = Field(
        None, description="folder of what rewriters learn from the catalogue; empty: rewriters in cache_dir"
    )
    synonyms: Path | None = Field(None, description="your synonyms, in the syntax of Solr and Elasticsearch")
    knowledge: Path | None = Field(None, description="your concepts beside the built-in ones (TOML)")
    rewrite_merge: Literal["max", "noisy_or", "parts"] = Field(
        "noisy_or", description="how rewritings share a product: noisy_or, max; parts: they are parts of one need"
    )
    rewrite_feedback: int = Field(
        0, ge=0, le=100, description="ask once more with words that so many first products share; 0: off"
    )
    rewrite_second: str = Field(
        "", description="rewriters to ask where no wording matches ten products, e.g. model:endpoint; empty: none"
    )
    rewrite_url: str = Field(
        "", description="of model:endpoint: an OpenAI-compatible address, e.g. http://127.0.0.1:11434/v1"
    )
    rewrite_model: str = Field("", description="of model:endpoint: the model that it serves")
    rewrite_api_key: SecretStr = Field(SecretStr(""), description="of model:endpoint: its key, if it wants one")
    rewrite_body: str = Field(
        "", description="of model:endpoint: a JSON object merged over each request; null takes a field out"
    )
    rewrite_n: int = Field(5, ge=1, le=20, description="rewrites that a language model is asked for")
    rewrite_wait_s: float = Field(
        0.3, ge=0, le=600, description="longest that a search waits for a language model, seconds; it goes on without"
    )
    rewrite_work_s: float = Field(
        30.0, gt=0, le=3600, description="longest that a language model works on a query for later searches, seconds"
    )
    rewrite_pending: int = Field(32, ge=1, le=10_000, description="queries that may wait for a language model")
    rewrite_ttl_days: float = Field(
        30.0, gt=0, le=3650, description="how long its answers are kept in the Redis of the search cache"
    )
    rewrite_memory_mb: int = Field(16, ge=0, le=65_536, description="its answers kept in each process, MB")
