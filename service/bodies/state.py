"""How the deployment stands: health, readiness, generations, jobs, dead letters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "DeadLettersResult",
    "GenerationOut",
    "GenerationsResult",
    "Health",
    "JobsResult",
    "Readiness",
]


class Health(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    """`parts`: ok, or the word for what is wrong. `degraded`: parts that searches go on without."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "generation": "products-000003",
                    "parts": {"engine": "ok", "index": "ok", "models": "ok", "cache": "store_unavailable"},
                    "degraded": ["cache"],
                }
            ]
        },
    )

    status: Literal["ready", "not ready"]
    generation: str
    parts: dict[str, str]
    degraded: list[str]


class GenerationOut(BaseModel):
    """A physical index. `rollback`: how many steps back it is (0: live); null: no rollback leads there."""

    model_config = ConfigDict(extra="forbid")

    index: str
    live: bool
    rollback: int | None
    products: int
    bytes: int = Field(description="on disk; 0: unknown")
    encoders: list[str]


class GenerationsResult(BaseModel):
    model_config = ConfigDict(extra="forbid")

    generations: list[GenerationOut]


class JobsResult(BaseModel):
    """The workers' latest jobs, newest first; fields as `multirecall jobs list --json`."""

    model_config = ConfigDict(extra="forbid")

    jobs: list[dict[str, Any]]


class DeadLettersResult(BaseModel):
    """Products that were given up, oldest first; fields as `multirecall deadletters list --json`."""

    model_config = ConfigDict(extra="forbid")

    total: int
    dead_letters: list[dict[str, Any]]
