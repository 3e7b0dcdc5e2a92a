"""The settings of the annotator: who grades what mining finds and nobody judged."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

__all__ = ["AnnotatorSettings"]


class AnnotatorSettings(BaseSettings):
    """Part of `Settings`, for `multirecall train encoder --recipe mine-and-refine`."""

    annotate_by: str = Field(
        "trees",
        pattern="^(trees|endpoint|cross-encoder(:.+)?)$",
        description="who grades mined products: trees or cross-encoder (learn from the judgments), "
        "cross-encoder:FOLDER, endpoint",
    )
    annotate_url: str = Field(
        "", description="of endpoint: an OpenAI-compatible address, e.g. http://127.0.0.1:11434/v1"
    )
    annotate_model: str = Field("", description="of endpoint: the model that it serves")
    annotate_api_key: SecretStr = Field(SecretStr(""), description="of endpoint: its key, if it wants one")
    annotate_body: str = Field(
        "", description="of endpoint: a JSON object merged over each request; null takes a field out"
    )
    annotate_policy: Path | None = Field(
        None, description="of endpoint: your policy, a line for each level from 0 on; empty: the built-in one"
    )
    annotate_timeout_s: float = Field(
        60.0, gt=0, le=3600, description="of endpoint: longest that eight pairs may take, seconds"
    )
    annotate_pairs: int = Field(
        20_000, ge=1, description="of endpoint and cross-encoder: most pairs that a training has graded"
    )
