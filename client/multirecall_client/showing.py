"""Answers as tables: HTML in notebooks, rich in terminals. rich itself is needed only by whoever prints with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Shown", "Table", "money"]

_MAX_ROWS = 100
_DIGITS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`caption` stands above, `notes` below; `rows` beyond the first hundred are only counted."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = ()

    def cells(self) -> list[list[str]]:
        """The rows as texts."""
        return [[_text(cell) for cell in row] for row in self.rows[:_MAX_ROWS]]

    def below(self) -> list[str]:
        """What stands below the rows."""
        more = len(self.rows) - _MAX_ROWS
        return [*([f"… and {more} more"] if more > 0 else []), *self.notes]

    def to_html(self) -> str:
        """All texts escaped: titles of products may hold anything. Nothing is loaded from anywhere."""
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in self.cells())
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.below())
        return (
            f"<table><caption>{escape(self.caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>{notes}"
        )

    def to_rich(self) -> Any:
        """A `rich.table.Table`. Texts are no markup."""
        from rich.table import Table as RichTable
        from rich.text import Text

        caption = "\n".join(self.below())
        table = RichTable(title=Text(self.caption), caption=Text(caption) if caption else None)
        for column in self.columns:
            table.add_column(Text(column))
        for row in self.cells():
            table.add_row(*map(Text, row))
        return table


class Shown:
    """What shows itself as a table: subclasses give `table()`."""

    def table(self) -> Table:
        """What is shown."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def __rich__(self) -> Any:
        return self.table().to_rich()


def money(minor: int | None, currency: str | None) -> str:
    """`12.50 EUR` for 1250; by the usual number of digits of the currency, two where it is not named."""
    if minor is None:
        return ""
    digits = _DIGITS.get((currency or "").upper(), 2)
    return f"{minor / 10**digits:.{digits}f} {currency or ''}".strip()


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
