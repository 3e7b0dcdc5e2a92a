"""Figures of graded training: per query, and of all pairs of all queries together, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.measures.average_precision import AveragePrecision
from multirecall.evaluation.measures.recall import Recall
from multirecall.evaluation.separation import auc, best_f1
from multirecall.training.graded.groups import GradedGroup

Floats = NDArray[np.float64]
RESAMPLES = 1_000
BOUNDARIES = {"E>S": (3, 2), "S>C": (2, 1), "C>I": (1, 0)}
THREE = np.array([0, 1, 1, 2])  # levels of four grades in three


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Scores of the judged pairs of a fold's test and dev queries, and places of the 100 best products per test query,
    best first, with their cosines."""

    test: NDArray[np.float32]
    dev: NDArray[np.float32]
    tops: NDArray[np.int64]
    cosines: NDArray[np.float32]

    def save(self, file: Path) -> None:
        np.savez(file, test=self.test, dev=self.dev, tops=self.tops, cosines=self.cosines)

    @classmethod
    def load(cls, file: Path) -> Snapshot:
        with np.load(file) as kept:
            cosines = kept["cosines"] if "cosines" in kept.files else np.empty((0, 0), dtype=np.float32)
            return cls(test=kept["test"], dev=kept["dev"], tops=kept["tops"], cosines=cosines)


Arm = dict[tuple[int, int], Snapshot]
"""By (seed, fold)."""
Fold = tuple[Sequence[GradedGroup], Sequence[GradedGroup]]
"""(test, dev)."""


def per_query(groups: Sequence[GradedGroup], snapshot: Snapshot, ids: Sequence[str]) -> dict[str, Floats]:
    """Each figure of each query, NaN where it is not defined."""
    measures = {"nDCG@10": NDCG(10), "nDCG@8": NDCG(8), "MAP@8": AveragePrecision(k=8, min_grade=3.0)}
    recall = Recall(k=100, min_grade=2.0)
    out: dict[str, list[float]] = {name: [] for name in (*measures, "R@100", "ordered", *BOUNDARIES)}
    start = 0
    for group, top in zip(groups, snapshot.tops, strict=True):
        scores = snapshot.test[start : start + len(group)]
        start += len(group)
        levels = np.array(group.grades)
        grades = dict(zip(group.products, map(float, group.grades), strict=True))
        ranked = [group.products[at] for at in np.argsort(-scores, kind="stable")]
        for name, measure in measures.items():
            out[name].append(measure(ranked, grades) if measure.is_defined(grades) else np.nan)
        found = [ids[at] for at in top]
        out["R@100"].append(recall(found, grades) if found and recall.is_defined(grades) else np.nan)
        means = [scores[levels == level].mean() for level in (3, 2, 1, 0) if (levels == level).any()]
        enough = all((levels == level).any() for level in (3, 2, 1))
        out["ordered"].append(float(np.all(np.diff(means) < 0)) if enough else np.nan)
        for name, (high, low) in BOUNDARIES.items():
            both = (levels == high).any() and (levels == low).any()
            out[name].append(auc(scores[levels == high], scores[levels == low]) if both else np.nan)
    return {name: np.array(values) for name, values in out.items()}


def pooled(arm: Arm, folds: Sequence[Fold], seed: int) -> dict[str, Any]:
    """All test pairs of one seed: scores, levels, query's number, and whether each passes its fold's dev threshold."""
    scores, levels, query, passed = [], [], [], []
    n = 0
    for number, (test, dev) in enumerate(folds):
        kept = arm[seed, number]
        dev_levels = np.array([level for group in dev for level in group.grades])
        threshold = best_f1(kept.dev, dev_levels >= 2)[1]
        scores.append(kept.test)
        levels.append(np.array([level for group in test for level in group.grades]))
        query.append(np.repeat(np.arange(n, n + len(test)), [len(group) for group in test]))
        passed.append(kept.test >= threshold)
        n += len(test)
    parts = (scores, levels, query, passed)
    return dict(zip(("scores", "levels", "query", "passed"), map(np.concatenate, parts), strict=True)) | {"n": n}


class Pooled:
    """Figures of all pairs of one seed together, quickly for any weights of the queries (draws with replacement)."""

    def __init__(self, pairs: Mapping[str, Any]) -> None:
        scores, levels = pairs["scores"].astype(np.float64), pairs["levels"]
        three = THREE[levels]
        self._query, self._passed, self._good = pairs["query"], pairs["passed"], levels >= 2
        self._rank = np.unique(scores, return_inverse=True)[1].reshape(-1)
        self._sides = {
            "AUC exact": (levels == 3, levels < 3),
            "AUC 2v1": (three == 2, three == 1),
            "AUC 1v0": (three == 1, three == 0),
        }
        self._bins = {}
        for name, (high, low) in (("overlap 2,1", self._sides["AUC 2v1"]), ("overlap 1,0", self._sides["AUC 1v0"])):
            edges = np.linspace(scores[high | low].min(), scores[high | low].max(), 51)[1:-1]
            self._bins[name] = np.digitize(scores, edges), high, low
        self.n_queries = int(pairs["n"])

    def figures(self, weights: Floats | None = None) -> dict[str, float]:
        """With weights by query; None: 1 each."""
        w = np.ones(len(self._query)) if weights is None else weights[self._query]
        out = {}
        for name, (high, low) in self._sides.items():
            above, below = np.bincount(self._rank, w * high), np.bincount(self._rank, w * low)
            out[name] = float(above @ (np.cumsum(below) - below / 2) / (above.sum() * below.sum()))
        for name, (bins, high, low) in self._bins.items():
            shares = [np.bincount(bins, w * side, minlength=50) / (w * side).sum() for side in (high, low)]
            out[name] = float(np.minimum(*shares).sum())
        called, good = (w * self._passed).sum(), (w * self._good).sum()
        out["F1"] = float(2 * (w * (self._passed & self._good)).sum() / (called + good))
        return out


def summary(arms: Mapping[str, Arm], folds: Sequence[Fold], ids: Sequence[str], *, baseline: str) -> dict[str, Any]:
    """Means of each arm, and differences to the baseline and to the stage before with 95 % intervals over queries."""
    seeds = sorted({seed for seed, _ in next(iter(arms.values()))})
    queries: dict[str, dict[str, Floats]] = {}
    pairs: dict[str, list[Pooled]] = {}
    seeds_of: dict[str, list[float]] = {}
    means_of: dict[str, list[float]] = {}
    for name, arm in arms.items():
        found = [
            {
                key: np.concatenate(parts)
                for key, parts in _columns(
                    [per_query(test, arm[seed, number], ids) for number, (test, _) in enumerate(folds)]
                ).items()
            }
            for seed in seeds
        ]
        scored = [pooled(arm, folds, seed) for seed in seeds]
        pairs[name] = [Pooled(one) for one in scored]
        means_of[name] = [
            round(float(np.mean([one["scores"][one["levels"] == level].mean() for one in scored])), 3)
            for level in range(4)
        ]
        seeds_of[name] = [round(float(np.nanmean(one["nDCG@10"])), 4) for one in found]
        queries[name] = {key: np.mean([one[key] for one in found], axis=0) for key in found[0]}
    resampled = {name: _resampled(some) for name, some in pairs.items()}
    out: dict[str, Any] = {"queries": len(next(iter(queries[baseline].values()))), "arms": {}}
    for name in arms:
        against = {
            other: _against(name, other, queries, pairs, resampled) for other in (baseline, *_before(name, arms))
        }
        out["arms"][name] = {
            **{key: _known_mean(values) for key, values in queries[name].items()},
            **{key: round(value, 4) for key, value in _mean([one.figures() for one in pairs[name]]).items()},
            "means": means_of[name],
            "nDCG@10 by seed": seeds_of[name],
            "against": {other: found for other, found in against.items() if other != name},
        }
    return out


_STAGE_BEFORE = {
    "M&R: circle": "supervised contrastive (M&R stage 1)",
    "M&R: binary circle": "M&R: circle",
    "M&R: circle, one-sided": "M&R: circle",
    "M&R: order across queries": "M&R: circle",
    "M&R: mined, annotated": "M&R: mined, not annotated",
    "ROAR": "InfoNCE with mask (ROAR stage 1)",
    "ROAR, margin-aware": "ROAR",
    "ROAR stage 2 from the raw encoder": "ROAR",
    "Bradley-Terry": "ROAR",
    "DPO-style": "ROAR",
    "Plackett-Luce": "ROAR",
    "ROAR, grades shuffled": "InfoNCE with mask (ROAR stage 1)",
    "InfoNCE with mask (ROAR stage 1)": "InfoNCE without mask",
}


def _before(name: str, arms: Mapping[str, Arm]) -> tuple[str, ...]:
    other = _STAGE_BEFORE.get(name)
    return (other,) if other in arms else ()


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {key: [row[key] for row in rows] for key in rows[0]}


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: float(np.mean(values)) for key, values in _columns(rows).items()}


def _resampled(some: Sequence[Pooled]) -> dict[str, Floats]:
    """Figures of queries drawn with replacement, the same draws for every arm."""
    random = np.random.default_rng(7)
    n = some[0].n_queries
    rows = []
    for _ in range(RESAMPLES):
        weights = np.bincount(random.integers(0, n, n), minlength=n).astype(np.float64)
        rows.append(_mean([one.figures(weights) for one in some]))
    return {key: np.array(values) for key, values in _columns(rows).items()}


def _against(
    name: str,
    other: str,
    queries: Mapping[str, Mapping[str, Floats]],
    pairs: Mapping[str, Sequence[Pooled]],
    resampled: Mapping[str, Mapping[str, Floats]],
) -> dict[str, dict[str, float]]:
    random = np.random.default_rng(7)
    out = {}
    for key in queries[name]:
        moved = queries[name][key] - queries[other][key]
        moved = moved[~np.isnan(moved)]
        if not len(moved):
            continue
        means = moved[random.integers(0, len(moved), (RESAMPLES, len(moved)))].mean(axis=1)
        out[key] = _interval(float(moved.mean()), means)
    new, old = (_mean([one.figures() for one in pairs[arm]]) for arm in (name, other))
    for key, values in resampled[name].items():
        out[key] = _interval(new[key] - old[key], values - resampled[other][key])
    return out


def _known_mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 4) if len(known) else None


def _interval(difference: float, means: Floats) -> dict[str, float]:
    low, high = np.quantile(means, (0.025, 0.975))
    return {"difference": round(difference, 4), "low": round(float(low), 4), "high": round(float(high), 4)}


SHOWN = ("nDCG@10", "nDCG@8", "MAP@8", "R@100", "ordered", "AUC exact", "AUC 2v1", "AUC 1v0", "overlap 2,1", "F1")


def table(found: Mapping[str, Any]) -> str:
    """Markdown: figures, and the differences in nDCG@10 with intervals."""
    lines = [f"| arm | {' | '.join(SHOWN)} | means 3, 2, 1, 0 | nDCG@10 against |", "|---" * (len(SHOWN) + 3) + "|"]
    for name, arm in found["arms"].items():
        cells = ["" if arm[key] is None else f"{arm[key]:.3f}" for key in SHOWN] + [
            ", ".join(f"{mean:.2f}" for mean in reversed(arm["means"]))
        ]
        shown = [f"{other}: {_shown(one['nDCG@10'])}" for other, one in arm["against"].items()]
        lines.append(f"| {name} | {' | '.join(cells)} | {'; '.join(shown)} |")
    return "\n".join(lines)


def _shown(moved: Mapping[str, float]) -> str:
    return f"{moved['difference']:+.3f} ({moved['low']:+.3f} to {moved['high']:+.3f})"
