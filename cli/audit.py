"""`multirecall audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from multirecall.cli.output import console, counted, print_json, printable
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput

__all__ = ["audit"]

_SHOWN = 20


@command
def audit(
    logs: Annotated[list[Path], typer.Argument(help="Click logs: UBI (JSON lines) or tables, also .gz.")],
    queries: Annotated[Path, typer.Option(help="The judged queries.")],
    judgments: Annotated[Path, typer.Option(help="Their judgments.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the doubted judgments here, as a table to grade again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find judgments that clicks contradict: irrelevant but clicked, or best but hardly ever clicked.

    Example: multirecall audit clicks.tsv.gz --queries queries.tsv --judgments judgments.tsv --out doubted.tsv
    """
    from multirecall.evaluation.judgments import read_judgments
    from multirecall.evaluation.queries import read_queries
    from multirecall.training.clicks import read_click_log
    from multirecall.training.graded.audit import audit as audited
    from multirecall.training.graded.audit import write_flags
    from multirecall.training.graded.groups import graded_groups
    from multirecall.training.graded.scales import whole_grades

    judged = read_judgments(judgments)
    data = graded_groups(read_queries(queries), judged, scale=whole_grades(judged))
    log = read_click_log(logs)
    flags = audited(data.groups, log, top=int(judged.top_grade))
    if out is not None:
        try:
            write_flags(flags, data.groups, out)
        except OSError as error:
            raise InvalidInput(f"Cannot write {out}: {error.strerror}.", field="out", file=str(out)) from None
    if as_json:
        doubted = [{"query": one.query, "product": one.product, "level": one.level, "why": one.reason} for one in flags]
        print_json({"doubted": doubted, "data": data.report.to_dict()})
        return
    console.print(f"[bold]{counted(len(flags), 'judgment')}[/] of {data.report.pairs:,} that clicks contradict.")
    table = Table(box=None, pad_edge=False)
    for name in ("query", "product", "why"):
        table.add_column(name)
    for flag in flags[:_SHOWN]:
        table.add_row(printable(flag.query), printable(flag.product), flag.reason)
    if flags:
        console.print(table)
    if len(flags) > _SHOWN:
        console.print(f"and {len(flags) - _SHOWN:,} more.", style="dim")
    if out is not None:
        console.print(f"Written to {printable(str(out))}.", soft_wrap=True)
