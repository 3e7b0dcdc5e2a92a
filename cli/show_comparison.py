"""Two runs side by side as tables."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from multirecall.cli.output import printable
from multirecall.cli.show_evaluation import comparison_table, figure_table, notes_view
from multirecall.evaluation.comparing import MovedQuery, RunComparison, ShownProduct

__all__ = ["comparison_view"]

_FIXED = 2 + 2 * (5 + 4) + 6 * 2  # of a pair of lists: rank, grades, other ranks and the gaps between the columns


def comparison_view(found: RunComparison, titles: Mapping[str, str], *, width: int) -> RenderableType:
    """What `console.print` shows on a terminal of that width: figures, the difference, then the queries that moved most
    with both lists."""
    parts: list[RenderableType] = [figure_table(found.figures), "", comparison_table([found.comparison])]
    parts += notes_view(found.notes)
    if not found.comparison.wins + found.comparison.losses:
        parts += ["", "No query has another figure."]
    for query in found.moved:
        named = f"{query.qid}  {query.text}" if query.text != query.qid else query.qid
        head = Text.assemble(
            (f"{query.difference:+.3f}", "green" if query.difference > 0 else "red"),
            f"  {query.a:.3f} to {query.b:.3f}  ",
        )
        head.append_text(Text.from_markup(f"[bold]{printable(named)}[/]"))
        parts += ["", head, _lists(found, query, titles, width)]
    return Group(*parts)


def _lists(found: RunComparison, query: MovedQuery, titles: Mapping[str, str], width: int) -> Table:
    """Both lists; after each product its rank in the other one."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    room = max(12, (width - _FIXED) // 2)
    table.add_column("#", justify="right", style="dim", min_width=2)
    for name, other in ((found.a, "B"), (found.b, "A")):
        table.add_column("grade", justify="right", min_width=5)
        table.add_column(printable(name), overflow="ellipsis", no_wrap=True, min_width=room, max_width=room)
        table.add_column(f"in {other}", justify="right", style="dim", min_width=4)
    for at in range(max(len(query.shown_a), len(query.shown_b))):
        cells: list[str] = []
        for shown in (query.shown_a, query.shown_b):
            cells += _cells(shown[at], titles) if at < len(shown) else ["", "", ""]
        table.add_row(str(at + 1), *cells)
    return table


def _cells(product: ShownProduct, titles: Mapping[str, str]) -> list[str]:
    grade = "[yellow]?[/]" if product.grade is None else f"{product.grade:g}"
    title = titles.get(product.product_id)
    name = f"{product.product_id}  {title}" if title else product.product_id
    return [grade, printable(name), "-" if product.other_rank is None else str(product.other_rank)]
