"""A gate's verdict for people: the reason, the figures of old and new, the queries that fell most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from multirecall.cli.output import printable
from multirecall.evaluation.verdict import Outcome, QueryChange, Verdict

__all__ = ["gate_view", "verdict_view"]

_HEADS = {
    Outcome.PASSED: ("passed", "bold green"),
    Outcome.STOPPED: ("stopped", "bold red"),
    Outcome.UNDECIDED: ("cannot judge", "bold yellow"),
}


def gate_view(verdict: Verdict) -> RenderableType:
    """What `console.print` shows; readable from 60 columns on, and without colour."""
    word, style = _HEADS[verdict.outcome]
    head = Text.assemble("Gate ", (word, style), ("; let through by force" if verdict.forced else "", "bold yellow"))
    parts: list[RenderableType] = [head, Text.from_markup(printable(verdict.reason))]
    if verdict.n_queries:
        parts += ["", _figures(verdict), "", _counts(verdict)]
    if verdict.worst:
        parts += ["", _worst(verdict)]
    return Group(*parts)


def verdict_view(body: Mapping[str, Any]) -> RenderableType:
    """The same of a verdict that a job keeps as plain values."""
    return gate_view(Verdict.from_dict(body))


def _figures(verdict: Verdict) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("measure")
    for column in ("old", "new", "difference"):
        table.add_column(column, justify="right")
    table.add_column("")
    low_high = f"{verdict.ci.low:+.3f} to {verdict.ci.high:+.3f} ({verdict.ci.confidence:.0%})" if verdict.ci else ""
    table.add_row(
        verdict.measure,
        _figure(verdict.old_mean),
        _figure(verdict.new_mean),
        "" if verdict.difference is None else f"{verdict.difference:+.3f}",
        low_high,
    )
    table.add_row(f"judged@{verdict.k}", _share(verdict.judged_old), _share(verdict.judged_new), "", "")
    return table


def _counts(verdict: Verdict) -> Text:
    parts = [
        f"{verdict.n_queries:,} queries compared: {verdict.wins:,} better, {verdict.losses:,} worse, "
        f"{verdict.ties:,} equal."
    ]
    if verdict.n_without_relevant:
        parts.append(f"{verdict.n_without_relevant:,} left out: no product has a grade above 0.")
    if verdict.incomplete:
        parts.append(f"{len(verdict.incomplete):,} left out: an answer was not complete.")
    return Text("\n".join(parts))


def _worst(verdict: Verdict) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("queries that fell most", overflow="ellipsis", no_wrap=True, ratio=1, max_width=48)
    for column in ("old", "new", "difference"):
        table.add_column(column, justify="right", no_wrap=True)
    for change in verdict.worst:
        difference = f"{change.new - change.old:+.3f}"
        table.add_row(printable(_named(change)), _figure(change.old), _figure(change.new), difference)
    return table


def _named(change: QueryChange) -> str:
    return f"{change.qid}  {change.text}" if change.text and change.text != change.qid else change.qid


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
