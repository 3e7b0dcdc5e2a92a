"""What became of the queries that a language model was asked for beforehand, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multirecall.cli.output import console, printable

__all__ = ["precomputed_view"]


def precomputed_view(report: Mapping[str, Any]) -> None:
    """What became of the queries."""
    console.print(
        f"Of {report['queries']:,} queries the model {printable(report['model'])} answered {report['answered']:,} now; "
        f"{report['known']:,} were known, {report['failed']:,} failed.",
        soft_wrap=True,
    )
