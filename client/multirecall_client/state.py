"""How the deployment stands: health, readiness, generations, jobs, dead letters."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from multirecall_client.showing import Shown, Table
from multirecall_client.wire import Wire

__all__ = ["DeadLettersResult", "Generation", "GenerationsResult", "Health", "JobsResult", "Readiness"]


class Health(Wire):
    status: str
    version: str = ""


class Readiness(Wire):
    """`parts`: ok, or the word for what is wrong. `degraded`: parts that searches go on without. True if ready."""

    status: str
    generation: str = ""
    parts: dict[str, str] = Field(default_factory=dict)
    degraded: list[str] = Field(default_factory=list)

    @property
    def ready(self) -> bool:
        return self.status == "ready"

    def __bool__(self) -> bool:
        return self.ready


class Generation(Wire):
    """A physical index. `rollback`: how many steps back it is (0: live); None: no rollback leads there."""

    index: str
    live: bool
    rollback: int | None = None
    products: int = 0
    bytes: int = 0
    encoders: list[str] = Field(default_factory=list)


class GenerationsResult(Shown, Wire):
    generations: list[Generation]

    def table(self) -> Table:
        return Table(
            caption=f"{len(self.generations)} generations",
            columns=("index", "live", "rollback", "products", "bytes", "encoders"),
            rows=[
                (one.index, "live" if one.live else "", one.rollback, one.products, one.bytes, ", ".join(one.encoders))
                for one in self.generations
            ],
        )


class JobsResult(Wire):
    """The workers' latest jobs, newest first."""

    jobs: list[dict[str, Any]]


class DeadLettersResult(Wire):
    """Products that were given up, oldest first."""

    total: int
    dead_letters: list[dict[str, Any]]
