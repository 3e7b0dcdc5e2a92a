"""What routes are worth, and what a learned route policy saves and costs, as tables."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from multirecall.cli.output import printable
from multirecall.cli.show_evaluation import comparison_table, figure_table, notes_view, p_text
from multirecall.evaluation.report import ALL_QUERIES
from multirecall.evaluation.routes import RouteCounts, RouteReport
from multirecall.training.routes.policy import POLICY, LearnedPolicy

__all__ = ["learned_as_dict", "learned_view", "routes_view"]


def routes_view(report: RouteReport) -> RenderableType:
    """All queries: what is lost without each route, each route alone, times; then one table of the segments."""
    head = (
        f"{report.left_out.n_queries:,} queries, {report.left_out.n_judgments:,} judgments; fused by {report.fusion}; "
        f"first {report.depth} candidates; relevant: grade {report.relevant_grade:g} or more."
    )
    alone = [figure for figure in report.alone.overall.figures if figure.system in report.routes]
    parts: list[RenderableType] = [
        Text(head),
        "",
        Text("The fusion, and without each route", style="bold"),
        figure_table(report.left_out.overall.figures),
        "",
        comparison_table(report.left_out.overall.comparisons),
        "",
        Text("Each route alone", style="bold"),
        figure_table(alone),
        "",
        _time_table(report),
        "",
        _segment_table(report),
        "",
        *(
            Text(
                f"{one.a} and {one.b} share {one.jaccard:.0%} of their candidates"
                + (f", {one.of_relevant:.0%} of the relevant products they found." if one.of_relevant else ".")
            )
            for one in report.overlaps
        ),
    ]
    return Group(*parts, *notes_view(report.left_out.notes))


def learned_view(learned: LearnedPolicy) -> RenderableType:
    """The rules, and by cross-validation what they save and cost."""
    parts: list[RenderableType] = ["", Text("Route policy", style="bold")]
    verdict = "[green]accepted[/]" if learned.accepted else "[bold yellow]no rule accepted[/]"
    parts.append(Text.from_markup(f"{verdict}: {printable(learned.reason)}."))
    if learned.effects:
        table = _titled("Rules" if learned.accepted else "Rules that were not accepted")
        for name in ("leaves out", "for queries", "n", "mean fall"):
            table.add_column(name, justify="right" if name in ("n", "mean fall") else "left", overflow="fold")
        for effect in learned.effects:
            table.add_row(
                printable(effect.route), printable(effect.says), str(effect.n_queries), f"{effect.mean_fall:+.3f}"
            )
        parts += [table, Text("n and fall of nDCG@10 on the queries they were learned from: flattering.", style="dim")]
        parts += ["", comparison_table(learned.report.overall.comparisons), ""]
        parts += [figure_table([f for f in learned.report.overall.figures if f.system == POLICY])]
        parts += [
            Text(
                f"Cross-validated: leaves {saving.route} out of {saving.share:.0%} of the queries "
                f"({saving.n_skipped}), which saves {saving.saved_ms:.1f} of {saving.of_ms:.1f} ms per query."
            )
            for saving in learned.savings
        ]
        parts += notes_view(learned.notes)
    return Group(*parts)


def learned_as_dict(learned: LearnedPolicy) -> dict[str, Any]:
    """The learned policy as plain values for JSON."""
    return {
        "accepted": learned.accepted,
        "reason": learned.reason,
        "effects": learned.effects,
        "savings": learned.savings,
        "fold_rules": learned.fold_rules,
        "notes": learned.notes,
        "report": learned.report,
    }


def _titled(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)


def _time_table(report: RouteReport) -> Table:
    table = _titled("Milliseconds")
    table.add_column("route")
    for name in ("model p50", "p95", "engine p50", "p95", "both p50", "p95"):
        table.add_column(name, justify="right")
    for one in report.latencies:
        times = (
            one.prepare_p50_ms, one.prepare_p95_ms, one.engine_p50_ms, one.engine_p95_ms, one.p50_ms, one.p95_ms,
        )  # fmt: skip
        table.add_row(printable(one.route), *(f"{ms:.1f}" for ms in times))
    return table


def _segment_table(report: RouteReport) -> Table:
    """Per segment and route: what only it found, the figure alone, and what is lost without it."""
    measure, recall = report.left_out.measures[0], report.left_out.measures[-1]
    table = _titled(f"By segment: {printable(measure)} and {printable(recall)} without a route minus with all")
    table.add_column("segment", overflow="fold", min_width=15)
    table.add_column("n", justify="right")
    table.add_column("route", overflow="fold")
    for name in ("only here", "alone", measure, "Holm p", recall, "Holm p", "judged"):
        table.add_column(name, justify="right", no_wrap=True)
    family = ""
    rows = [report.left_out.overall, *report.left_out.segments]
    alone_rows = [report.alone.overall, *report.alone.segments]
    for row, alone in zip(rows, alone_rows, strict=True):
        if row.family != family:
            table.add_row(f"[bold]{printable(row.family)}[/]")
            family = row.family
        for at, counts in enumerate(report.of_segment(row.family, row.value)):
            system = report.left_out_names[counts.route]
            figure = alone.figure(counts.route, measure)
            cells = []
            for name in (measure, recall):
                comparison = row.comparison(system, name)
                mark = "*" if comparison and comparison.significant else " "
                cells += (
                    [f"{round(comparison.difference, 3) + 0.0:+.3f}{mark}", p_text(comparison.p_holm)]
                    if comparison
                    else ["-", "-"]
                )
            judged = row.figure(system, measure).judged
            name = row.value if row.value == ALL_QUERIES else f" {row.value}"
            table.add_row(
                "" if at else printable(name),
                "" if at else f"{counts.n_queries:,}",
                printable(counts.route),
                _unique(counts),
                "-" if figure.mean is None else f"{figure.mean:.3f}",
                *cells,
                "-" if judged is None else f"{judged:.0%}",
            )
    return table


def _unique(counts: RouteCounts) -> str:
    return f"{counts.n_unique:,} ({counts.unique_share:.0%})"
