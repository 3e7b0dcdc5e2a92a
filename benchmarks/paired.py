"""Two systems on the same queries, by class, with intervals: the table of the result pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.report import EvaluationReport, SegmentRow
from multirecall.training.blender.collecting import JudgedPool

__all__ = ["Run", "paired", "paired_table"]

MEASURES = ("nDCG@10", "R@100")
Run = Mapping[str, Sequence[str]]


def paired(before: Run, after: Run, pools: Sequence[JudgedPool]) -> EvaluationReport:
    judgments = Judgments(grades={pool.qid: pool.grades for pool in pools})
    runs = {"without": before, "with": after}
    return evaluate(runs, [p.judged for p in pools], judgments, MEASURES, ["class"], baseline="without")


def paired_table(report: EvaluationReport) -> str:
    heads = ["class", "queries", "nDCG@10 without", "with", "difference", "95% interval", "p (Holm)"]
    heads += ["R@100", "difference", "95% interval"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    lines += [_line(row) for row in (report.overall, *report.segments)]
    for system in report.systems:
        main = report.overall.figure(system, "nDCG@10")
        lines.append(f"\n{system}: condensed nDCG@10 {main.under['condensed']:.3f}, judged@10 {main.judged:.3f}")
    return "\n".join(lines)


def _line(row: SegmentRow) -> str:
    cells = [row.value or "all", str(row.figure("with", "nDCG@10").n)]
    for measure in MEASURES:
        before, after = [row.figure(system, measure).mean or 0.0 for system in ("without", "with")]
        c = row.comparison("with", measure)
        interval = "" if c is None else f"{c.ci.low:+.3f} to {c.ci.high:+.3f}"
        if measure == MEASURES[0]:
            cells += [f"{before:.3f}", f"{after:.3f}", f"{after - before:+.3f}", interval]
            cells.append("" if c is None else f"{c.p_holm:.4f}")
        else:
            cells += [f"{after:.3f}", f"{after - before:+.3f}", interval]
    return f"| {' | '.join(cells)} |"
