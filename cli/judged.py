"""The files of judged queries that a training may learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from multirecall.core.errors import InvalidInput

if TYPE_CHECKING:
    from multirecall.evaluation.judgments import Judgments
    from multirecall.evaluation.queries import JudgedQuery

__all__ = ["read_judged"]


def read_judged(queries: Path | None, judgments: Path | None) -> tuple[list[JudgedQuery], Judgments | None]:
    """Queries and their judgments; none and None without files. Raises InvalidInput for one of the two alone."""
    from multirecall.evaluation.judgments import read_judgments
    from multirecall.evaluation.queries import read_queries

    if queries is None and judgments is None:
        return [], None
    if queries is None or judgments is None:
        raise InvalidInput("--queries and --judgments belong together.", hint="Give both, or none.", field="judgments")
    return read_queries(queries), read_judgments(judgments)
