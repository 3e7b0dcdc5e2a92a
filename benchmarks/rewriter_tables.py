"""The tables and the picture of the rewriter's training, from the reports of its runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multirecall.evaluation.paired_test import bootstrap_interval

EACH = 2  # lists per held-out query
SETS = ("known concept, unknown template", "known concept, unknown wording", "unknown concept")
MEANS = ("total", "relevance", "alignment", "diversity", "similarity", "repeated")


def tables(reports: Sequence[dict[str, Any]]) -> str:
    """All tables of the reports, in Markdown; several reports of one seed count as one with all their arms."""
    runs, lines = _by_seed(reports), []
    arms = list(dict.fromkeys(["sft", "rl", *(name for run in runs for name in run["arms"])]))
    arms = [name for name in arms if any(name in run["arms"] for run in runs)]
    for test in SETS:
        lines += [
            f"\n**{test}**\n",
            "| policy | seeds | R | relevance | alignment | diversity | similarity | repeated | accuracy |",
        ]
        lines += ["|---|---|---|---|---|---|---|---|---|"]
        for arm in arms:
            of = [run["arms"][arm][test] for run in runs if arm in run["arms"]]
            cells = [_spread([m[k] for m in of]) for k in MEANS]
            lines.append(f"| {arm} | {len(of)} | {' | '.join(cells)} | {_spread([m['accuracy']['all'] for m in of])} |")
        lines += _changes(runs, test, "sft", arms[1:])
        for part in (name for name in arms if name.startswith("rl, ")):  # ablations are as short as this
            lines += _changes(
                runs, test, part, [name for name in arms if name.startswith("no ") and name != "no practice"]
            )
    kinds = ("question", "negation", "alternative", "scene", "slang")
    lines += ["\n**accuracy by kind**\n", f"| set | policy | {' | '.join(kinds)} |", "|---" * (len(kinds) + 2) + "|"]
    for test in SETS:
        for arm in arms[:2]:
            of = [run["arms"][arm][test]["accuracy"] for run in runs if arm in run["arms"]]
            cells = [_spread([a[kind] for a in of if kind in a]) for kind in kinds]
            lines.append(f"| {test} | {arm} | {' | '.join(cells)} |")
    return "\n".join([*lines, *_curves(runs)])


def _changes(runs: Sequence[dict[str, Any]], test: str, base: str, arms: Sequence[str]) -> list[str]:
    """The table of paired changes from one arm to others, where runs have both."""
    lines = []
    for arm in arms:
        both = [(run["arms"][arm][test], run["arms"][base][test]) for run in runs if {arm, base} <= set(run["arms"])]
        if both:
            cells = [_resampled(both, name) for name in ("total", "similarity", "accuracy")]
            lines.append(f"| {arm} | {len(both)} | {' | '.join(cells)} |")
    head = f"\n| change from {base} (95 % of 10,000 resamples of queries) | seeds | R | similarity | accuracy |"
    return [head, "|---|---|---|---|---|", *lines] if lines else []


def _by_seed(reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: dict[int, dict[str, Any]] = {}
    for report in reports:
        one = merged.setdefault(report["seed"], {**report, "arms": {}, "curves": []})
        one["arms"].update(report["arms"])
        one["curves"] = max(one["curves"], report["curves"], key=len)
    return [merged[seed] for seed in sorted(merged)]


def _resampled(both: Sequence[tuple[dict[str, Any], dict[str, Any]]], name: str) -> str:
    """The mean change of a query (over its lists and all seeds), and its interval."""
    changes: list[float] = []
    for at in range(0, len(both[0][0]["queries"]), EACH):
        means = []
        for side in (0, 1):
            lists = [row[name] for pair in both for row in pair[side]["queries"][at : at + EACH]]
            given = [value for value in lists if value is not None]
            means.append(sum(given) / len(given) if given else None)
        if means[0] is not None and means[1] is not None:
            changes.append(means[0] - means[1])
    interval = bootstrap_interval(changes)
    return f"{sum(changes) / len(changes):+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _curves(runs: Sequence[dict[str, Any]], points: int = 5) -> list[str]:
    """The rewards on training queries while reinforcement runs, means over fifths of the updates."""
    lines: list[str] = []
    for run in runs:
        rows = [row for row in run["curves"] if row["phase"] == "rl"]
        width = len(rows) // points
        if not width:
            continue
        if not lines:
            spans = [f"{i * width + 1} to {(i + 1) * width}" for i in range(points)]
            lines = ["\n**the curves**\n", f"| seed | reward | {' | '.join(spans)} |", "|---" * (points + 2) + "|"]
        for name in ("relevance", "alignment", "diversity", "total", "similarity", "kl"):
            means = [sum(r[name] for r in rows[i * width : (i + 1) * width]) / width for i in range(points)]
            shown = "R" if name == "total" else name
            lines.append(f"| {run['seed']} | {shown} | {' | '.join(f'{m:.3f}' for m in means)} |")
    return lines


def _spread(values: Sequence[float], *, sign: str = "") -> str:
    """Mean and, for several, the half width of the 95 % t interval."""
    if not values:
        return ""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:{sign}.3f}"
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    t = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776}.get(len(values), 2.0)
    return f"{mean:{sign}.3f} ± {t * deviation / math.sqrt(len(values)):.3f}"


def plot(runs: Sequence[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots(1, 4)
    for axis, name in zip(axes, ("relevance", "alignment", "diversity", "total"), strict=True):
        for run in runs:
            values = [row[name] for row in run["curves"] if row["phase"] == "rl"]
            width = 10
            smooth = [sum(values[max(0, i - width + 1) : i + 1]) / min(i + 1, width) for i in range(len(values))]
            axis.plot(range(1, len(smooth) + 1), smooth, label=f"seed {run['seed']}")
        axis.set_title("R" if name == "total" else name)
        axis.set_xlabel("update")
    axes[0].legend()
    figure.savefig(path, dpi=110)
