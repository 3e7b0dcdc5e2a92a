"""Figures of graded training: per query, and of all pairs of all queries together, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.measures.average_precision import AveragePrecision
from multirecall.evaluation.measures.recall import Recall
from multirecall.evaluation.paired_test import bootstrap_interval
from multirecall.evaluation.scored_pairs.pairs import Mask, ScoredPairs, scored_pairs
from multirecall.evaluation.scored_pairs.resampling import (
    Gain,
    Statistic,
    auc_of,
    f1_of,
    overlap_of,
    paired_gains,
    spread_of,
)
from multirecall.evaluation.scored_pairs.thresholding import held_out_threshold
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooled:
    """All test pairs of one seed, and whether each passes a threshold for grade 2 or more: `called` the one that four
    fifths of the other queries choose (no encoder saw a query that it scored), `by_dev` that of its fold's dev queries.
    """

    pairs: ScoredPairs
    called: Mask
    by_dev: Mask

    def statistics(self) -> dict[str, Statistic]:
        """By name, each for any draw of the queries."""
        pairs = self.pairs
        three = replace(pairs, grades=THREE[pairs.grades.astype(np.int64)].astype(np.float64))
        relevant, exact = pairs.grades >= 2, pairs.grades == 3
        two, one, none = (three.grades == level for level in (2, 1, 0))
        several = len(pairs.category_ids) > 1
        return {
            "AUC exact": auc_of(pairs, exact, ~exact),
            "AUC 2v1": auc_of(pairs, two, one),
            "AUC 1v0": auc_of(pairs, one, none),
            "overlap 2,1": overlap_of(three, 2, 1),
            "overlap 1,0": overlap_of(three, 1, 0),
            "F1": f1_of(pairs, self.called, relevant),
            "F1 by dev": f1_of(pairs, self.by_dev, relevant),
            **({"spread of precision": spread_of(pairs, self.called, relevant)} if several else {}),
        }


def pooled(arm: Arm, folds: Sequence[Fold], seed: int) -> Pooled:
    by_dev = []
    for number, (_, dev) in enumerate(folds):
        kept = arm[seed, number]
        dev_levels = np.array([level for group in dev for level in group.grades])
        by_dev.append(kept.test >= best_f1(kept.dev, dev_levels >= 2)[1])
    groups = [group for test, _ in folds for group in test]
    sizes = [len(group) for group in groups]
    pairs = scored_pairs(
        np.repeat(np.arange(len(groups)), sizes),
        np.array([level for group in groups for level in group.grades]),
        np.concatenate([arm[seed, number].test for number in range(len(folds))]),
        np.repeat([class_of(group) for group in groups], sizes),
    )
    called = held_out_threshold(pairs, relevant_from=2.0).called
    return Pooled(pairs=pairs, called=called, by_dev=np.concatenate(by_dev))


def class_of(group: GradedGroup) -> str:
    return str(group.columns.get("class", ""))


class OfSeeds:
    """The mean of a statistic over seeds; asked again for the draws that it was asked for last, it says the same."""

    def __init__(self, of: Sequence[Statistic]) -> None:
        self._of = of
        self._last: tuple[Floats, Floats] | None = None

    def __call__(self, counts: Floats) -> Floats:
        if self._last is None or self._last[0] is not counts:
            self._last = counts, np.mean([one(counts) for one in self._of], axis=0)
        return self._last[1]


def summary(arms: Mapping[str, Arm], folds: Sequence[Fold], ids: Sequence[str], *, baseline: str) -> dict[str, Any]:
    """Means of each arm, and differences to the baseline and to the stage before with 95 % intervals over queries."""
    seeds = sorted({seed for seed, _ in next(iter(arms.values()))})
    queries: dict[str, dict[str, Floats]] = {}
    statistics: dict[str, dict[str, OfSeeds]] = {}
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
        statistics[name] = {key: OfSeeds(of) for key, of in _columns([one.statistics() for one in scored]).items()}
        means_of[name] = [
            round(float(np.mean([one.pairs.scores[one.pairs.grades == level].mean() for one in scored])), 3)
            for level in range(4)
        ]
        seeds_of[name] = [round(float(np.nanmean(one["nDCG@10"])), 4) for one in found]
        queries[name] = {key: _mean_of_known([one[key] for one in found]) for key in found[0]}
    others = {name: [one for one in (baseline, *_before(name, arms)) if one != name] for name in arms}
    gains = paired_gains(
        {
            _gain(name, other, key): (statistics[other][key], statistics[name][key])
            for name in arms
            for other in others[name]
            for key in statistics[name]
        },
        scored[0].pairs.n_queries,
        n_pairs=len(scored[0].pairs),
        rounds=RESAMPLES,
    )
    classes = np.array([class_of(group) for test, _ in folds for group in test])
    out: dict[str, Any] = {"queries": len(classes), "arms": {}}
    for name in arms:
        out["arms"][name] = {
            **{key: _known_mean(values) for key, values in queries[name].items()},
            **{key: round(float(of(np.ones((1, len(classes))))[0]), 4) for key, of in statistics[name].items()},
            "means": means_of[name],
            "nDCG@10 by seed": seeds_of[name],
            "against": {
                other: {
                    **_paired(queries[name], queries[other]),
                    **{key: _shown_gain(gains[_gain(name, other, key)]) for key in statistics[name]},
                }
                for other in others[name]
            },
            "classes": {
                one: {
                    "queries": int((classes == one).sum()),
                    **{key: _known_mean(queries[name][key][classes == one]) for key in ("nDCG@10", "R@100")},
                    "against": _paired(queries[name], queries[baseline], ("nDCG@10",), classes == one),
                }
                for one in sorted({*classes.tolist()})
            },
        }
    return out


def _gain(name: str, other: str, key: str) -> str:
    return "\t".join((name, other, key))


def _shown_gain(gain: Gain) -> dict[str, float]:
    return {
        "difference": round(gain.difference, 4),
        "low": round(gain.interval.low, 4),
        "high": round(gain.interval.high, 4),
    }


_STAGE_BEFORE = {
    "M&R: circle": "supervised contrastive (M&R stage 1)",
    "M&R: binary circle": "M&R: circle",
    "M&R: circle, one-sided": "M&R: circle",
    "M&R: order across queries": "supervised contrastive (M&R stage 1)",
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


def _paired(
    new: Mapping[str, Floats], old: Mapping[str, Floats], keys: Sequence[str] = (), taken: Mask | None = None
) -> dict[str, dict[str, float]]:
    """Of means over (some of) the queries."""
    out = {}
    for key in keys or new:
        moved = new[key] - old[key]
        moved = moved[~np.isnan(moved) & (True if taken is None else taken)]
        if len(moved):
            found = bootstrap_interval(moved, rounds=RESAMPLES)
            out[key] = {
                "difference": round(float(moved.mean()), 4),
                "low": round(found.low, 4),
                "high": round(found.high, 4),
            }
    return out


def _mean_of_known(seeds: Sequence[Floats]) -> Floats:
    """By query, over the seeds that know the figure."""
    known = np.sum([~np.isnan(one) for one in seeds], axis=0)
    total = np.sum([np.nan_to_num(one) for one in seeds], axis=0)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


def _known_mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 4) if len(known) else None


SHOWN = (
    "nDCG@10",
    "nDCG@8",
    "MAP@8",
    "R@100",
    "ordered",
    "AUC exact",
    "AUC 2v1",
    "AUC 1v0",
    "overlap 2,1",
    "F1",
    "spread of precision",
)


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
