"""Explanations as tables: what each product's score is made of, and why one product stands before another."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from multirecall.cli.output import printable
from multirecall.fusion.explaining import Why
from multirecall.search.page import PageHit

__all__ = ["explained_table", "why_view"]

_SHOWN = 5
_SHOWN_OF_TWO = 12


def explained_table(hits: Sequence[PageHit], n: int = _SHOWN) -> Table:
    """The `n` largest shares of each score; with the others, and what every product starts from, they add up to it."""
    table = _table("Why each product is where it is (shares add up to the score)")
    for name in ("#", "id", "adds", "because of", "value"):
        table.add_column(
            name,
            justify="left" if name in ("id", "because of") else "right",
            overflow="fold" if name == "because of" else "ellipsis",
            no_wrap=name != "because of",
            max_width=20 if name == "id" else None,
        )
    for hit in hits:
        explanation = hit.explanation
        if explanation is None:
            continue
        shares, others = explanation.top(n)
        table.add_row(
            str(hit.rank), printable(hit.id), f"[bold]{explanation.score:.3f}[/]", "[bold]score[/]", "",
        )  # fmt: skip
        for share in shares:
            table.add_row("", "", f"{share.contribution:+.3f}", printable(share.description), _value(share.value))
        n_others = len(explanation.shares) - len(shares)
        if n_others:
            table.add_row("", "", f"{others:+.3f}", f"[dim]{n_others} others together[/]", "")
        if explanation.base:
            table.add_row("", "", f"{explanation.base:+.3f}", "[dim]what every product starts from[/]", "")
    return table


def why_view(why: Why, n: int = _SHOWN_OF_TWO) -> RenderableType:
    """The `n` largest differences between two products; with the rest they add up to the difference of the scores."""
    a, b = printable(why.a.product_id), printable(why.b.product_id)
    order = "before" if why.difference > 0 else "after" if why.difference < 0 else "level with"
    head = Text.from_markup(
        f"[bold]{a}[/] ({why.a.score:.3f}) stands {order} [bold]{b}[/] ({why.b.score:.3f}): "
        f"difference {why.difference:+.3f}"
    )
    table = _table(f"What makes the difference (+ speaks for {a})")
    for name in ("adds", "because of", a, b):
        table.add_column(
            name,
            justify="left" if name == "because of" else "right",
            overflow="fold" if name == "because of" else "ellipsis",
            max_width=20 if name in (a, b) else None,
        )
    shares, others = why.top(n)
    for share in shares:
        table.add_row(
            f"{share.difference:+.3f}", printable(share.description), _value(share.value_a), _value(share.value_b)
        )
    n_others = len(why.shares) - len(shares)
    if n_others:
        table.add_row(f"{others:+.3f}", f"[dim]{n_others} others together[/]", "", "")
    return Group(head, "", table)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)


def _value(value: float | None) -> str:
    return "[dim]missing[/]" if value is None else f"{value:.4g}"
