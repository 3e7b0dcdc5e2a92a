"""A mapping as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from multirecall.cli.output import printable

__all__ = ["mapping_table"]


def _shown(value: Any) -> str:
    match value:
        case {"field": field, **rest}:
            more = ", ".join(f"{k} {v}" for k, v in rest.items())
            return f"{_shown(field)} ({more})" if more else _shown(field)
        case dict():
            return "; ".join(f"{k}: {_shown(v)}" for k, v in value.items())
        case list() | tuple():
            listed = [str(v) for v in value]
            return ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")
        case _:
            return str(value)


def mapping_table(mapping: Mapping[str, Any], reasons: Mapping[str, str]) -> Table:
    """Role, source field and why it was proposed."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("role")
    table.add_column("source field", overflow="fold", max_width=60)
    table.add_column("because", style="dim", overflow="fold")
    for role, value in mapping.items():
        table.add_row(role, printable(_shown(value)), printable(reasons.get(role, "")))
    return table
