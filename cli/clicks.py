"""`multirecall clicks`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.table import Table

from multirecall.cli.output import console, counted, print_json, printable, stderr
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput

if TYPE_CHECKING:
    from multirecall.training.clicks import ClickJudgments, ClickLog, Propensities
    from multirecall.training.clicks.ubi_join import Action

__all__ = ["clicks"]

_KINDS = ("impression", "click", "cart", "purchase")


@command
def clicks(
    logs: Annotated[list[Path], typer.Argument(help="Click logs: UBI (JSON lines) or tables, also .gz.")],
    out: Annotated[Path, typer.Option(help="Judgments file to write.")] = Path("judgments.tsv"),
    grades: Annotated[str, typer.Option(help="steps (0, 1, 2, 3) or fraction (anything from 0 to 3).")] = "steps",
    method: Annotated[
        str, typer.Option(help="Position bias by: auto, harvesting, position-model or none (no correction).")
    ] = "auto",
    min_exposure: Annotated[float, typer.Option(min=0.0, help="Judge no product that was looked at less often.")] = 1.0,
    action: Annotated[
        list[str] | None, typer.Option(help="A UBI action of your own: NAME=impression|click|cart|purchase.")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="Write lines that cannot be used here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make judgments of clicks, with position bias taken out.

    Example: multirecall clicks events.jsonl queries.jsonl --out judgments.tsv
    """
    from multirecall.training.clicks import (
        Grading,
        estimate_propensities,
        judgments_from_clicks,
        read_click_log,
        write_click_judgments,
    )

    if method not in ("auto", "harvesting", "position-model", "none"):
        raise InvalidInput(
            f"Unknown method {method!r}.", hint="Use auto, harvesting, position-model or none.", field="method"
        )
    grading = Grading(scale=grades)  # type: ignore[arg-type]  # it checks the word itself
    log = read_click_log(logs, rejects=rejects, actions=_actions(action or []))
    propensities = estimate_propensities(log, method=None if method == "auto" else method)  # type: ignore[arg-type]
    found = judgments_from_clicks(log, propensities=propensities, grading=grading, min_exposure=min_exposure)
    write_click_judgments(found, out)
    if as_json:
        first = [str(one) for one in log.first_rejected]
        print_json({"out": str(out), "rejects": first, "ignored_events": log.ignored, **found.report.to_dict()})
        return
    _show(log, propensities, found)
    console.print(f"Written to {printable(str(out))}.", soft_wrap=True)
    if log.rejected:
        stderr.print(f"[yellow]{counted(log.rejected, 'line')} could not be used[/], for instance:", soft_wrap=True)
        for rejected in log.first_rejected[:3]:
            stderr.print(f"  {printable(str(rejected))}", soft_wrap=True)


def _actions(given: list[str]) -> dict[str, Action]:
    known: dict[str, Action] = {}
    for entry in given:
        name, _, kind = entry.rpartition("=")
        if not name.strip() or kind not in _KINDS:
            raise InvalidInput(
                f"--action {entry!r} names no action.",
                hint=f"Write NAME=KIND with one of: {', '.join(_KINDS)}.",
                field="action",
            )
        known[name] = cast("Action", kind)
    return known


def _queries(n: int) -> str:
    return f"{n:,} {'query' if n == 1 else 'queries'}"


def _show(log: ClickLog, propensities: Propensities, found: ClickJudgments) -> None:
    report = found.report
    console.print(
        f"[bold]{counted(report.judged_pairs, 'judgment')}[/] for {_queries(report.judged_queries)} from "
        f"{counted(report.clicks, 'click')} on {counted(report.impressions, 'impression')}.",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False)
    for name in ("position", "impressions", "clicked", "looked at", "±"):
        table.add_column(name, justify="right")
    shown, clicked = log.by_position(log.impressions), log.by_position(log.clicks)
    rows = zip(shown, clicked, propensities.examination, propensities.standard_errors, strict=True)
    for position, (n, c, theta, error) in enumerate(rows, start=1):
        rate = f"{c / n:.1%}" if n else "-"
        table.add_row(str(position), f"{int(n):,}", rate, f"{theta:.2f}", f"{error:.2f}" if error else "")
    console.print(table)
    console.print(
        f"Position bias by {propensities.method}: {propensities.reason}."
        + ("" if propensities.biased else " No significant bias was found."),
        soft_wrap=True,
    )
    by_grade = ", ".join(f"grade {grade}: {n:,}" for grade, n in sorted(report.by_grade.items(), reverse=True))
    console.print(f"{by_grade}.", soft_wrap=True)
    console.print(
        f"Left out: {_queries(report.unclicked_queries)} without a click, "
        f"{counted(report.thin_pairs, 'pair')} seen too little.",
        style="dim",
        soft_wrap=True,
    )
