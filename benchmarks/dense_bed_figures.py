"""Figures of graded training on the generated shop: over the whole catalogue's true grades, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch
from numpy.typing import NDArray

from benchmarks.dense_bed_data import Bed
from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.measures.average_precision import AveragePrecision
from multirecall.evaluation.paired_test import bootstrap_interval
from multirecall.evaluation.scored_pairs import ScoredPairs, scored_pairs
from multirecall.evaluation.scored_pairs.ordering import ordering
from multirecall.evaluation.scored_pairs.resampling import (
    Statistic,
    auc_of,
    f1_of,
    mean_gap_of,
    overlap_of,
    spread_of,
)
from multirecall.evaluation.scored_pairs.thresholding import held_out_threshold
from multirecall.training.dense.group_batches import GroupBatches
from multirecall.training.dense.scoring import unit_vectors
from multirecall.training.dense.stages import Stage
from multirecall.training.graded.annotating import agreement
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.losses.false_negatives import false_negative_mask
from multirecall.training.losses.rows import UNLABELLED

Floats = NDArray[np.float64]
DIMS = (64, 128, 192)
ROUNDS = 500
THREE = np.array([0.0, 1.0, 1.0, 2.0])
COMPARED = (
    ("supervised contrastive", "untrained"),
    ("circle, not mined", "supervised contrastive"),
    ("mined, annotated", "supervised contrastive"),
    ("mined, annotated", "untrained"),
    ("mined, order across queries", "supervised contrastive"),
    ("mined, order across queries", "untrained"),
    ("mined, annotated", "mined, unjudged is irrelevant"),
    ("mined, annotated", "circle, not mined"),
    ("binary circle, not mined", "circle, not mined"),
    ("supervised contrastive, with slips", "supervised contrastive"),
    ("InfoNCE with mask", "untrained"),
    ("InfoNCE with mask", "InfoNCE without mask"),
    ("InfoNCE with mask", "InfoNCE with mask, exact only"),
    ("ROAR", "untrained"),
    ("ROAR", "InfoNCE with mask"),
    ("ROAR", "ROAR, grades shuffled"),
    ("ROAR, grades shuffled", "InfoNCE with mask"),
    ("ROAR", "ROAR stage 2 from the raw encoder"),
    ("InfoNCE with mask at -.05", "InfoNCE with mask"),
    ("ROAR with mask at -.05", "ROAR"),
    ("ROAR with mask at -.05", "InfoNCE with mask at -.05"),
    ("ROAR, with slips", "ROAR"),
    ("ROAR, Matryoshka", "ROAR"),
)
"""(new, old)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Scores of the test and dev pairs; places of the 100 best products per test query, of the 10 best per misspelt
    copy, and by width of the 10 best per test query, best first."""

    test: NDArray[np.float32]
    dev: NDArray[np.float32]
    tops: NDArray[np.int32]
    slips: NDArray[np.int32]
    cut: Mapping[int, NDArray[np.int32]]

    def save(self, file: Path) -> None:
        cut = {f"cut-{dim}": tops for dim, tops in self.cut.items()}
        np.savez(file, test=self.test, dev=self.dev, tops=self.tops, slips=self.slips, **cut)

    @classmethod
    def load(cls, file: Path) -> Snapshot:
        with np.load(file) as kept:
            cut = {int(name[4:]): kept[name] for name in kept.files if name.startswith("cut-")}
            return cls(test=kept["test"], dev=kept["dev"], tops=kept["tops"], slips=kept["slips"], cut=cut)


def per_query(snapshot: Snapshot, bed: Bed, ids: Sequence[str]) -> dict[str, Floats]:
    """Each figure of each test query, NaN where it is not defined; `slip` is what a misspelt copy loses in nDCG@10."""
    place = {group.qid: at for at, group in enumerate(bed.test)}
    n = len(bed.test)
    out = {
        name: np.full(n, np.nan)
        for name in ("nDCG@10", "nDCG@8", "MAP@8", "R@100", "substitutes@50", "variants@20", "slip", "clean")
    }
    out |= {f"nDCG@8 of {dim}": np.full(n, np.nan) for dim in DIMS}
    ten, eight, precision = NDCG(10), NDCG(8), AveragePrecision(k=8, min_grade=3.0)

    def names(row: NDArray[np.int32]) -> list[str]:
        return [ids[at] for at in row]

    for at, (group, row) in enumerate(zip(bed.test, snapshot.tops, strict=True)):
        grades = {one: float(grade) for one, grade in bed.truth[group.qid].items()}
        ranked = names(row)
        out["nDCG@10"][at], out["nDCG@8"][at] = ten(ranked, grades), eight(ranked, grades)
        out["MAP@8"][at] = precision(ranked, grades)
        good = {one for one, grade in grades.items() if grade >= 2}
        out["R@100"][at] = len(good & set(ranked)) / min(100, len(good))
        second = {one for one, grade in grades.items() if grade == 2}
        if second:
            out["substitutes@50"][at] = len(second & set(ranked[:50])) / min(50, len(second))
        first = group.of_level(3)[0]
        variants = {one for one in good if bed.models[one] == bed.models[first] and one != first}
        if variants:
            out["variants@20"][at] = len(variants & set(ranked[:20])) / min(20, len(variants))
        for dim in DIMS:
            out[f"nDCG@8 of {dim}"][at] = eight(names(snapshot.cut[dim][at]), grades)
    for copy, row in zip(bed.slips, snapshot.slips, strict=True):
        at = place[copy.original]
        grades = {one: float(grade) for one, grade in bed.truth[copy.original].items()}
        out["clean"][at] = out["nDCG@10"][at]
        out["slip"][at] = out["nDCG@10"][at] - ten(names(row), grades)
    four, _ = pairs_of(bed.test, snapshot.test, bed)
    found = ordering(four, least_grades=4)
    in_order = np.argsort(np.array([group.qid for group in bed.test]))  # of pairs, queries are in the order of ids
    for name, values in {
        "in order": found.means_ordered,
        **{f"{int(high)}>{int(low)}": values for (high, low), values in found.boundary_ordered.items()},
    }.items():
        out[name] = np.full(n, np.nan)
        out[name][in_order] = values
    return out


def pairs_of(groups: Sequence[GradedGroup], scores: NDArray[np.float32], bed: Bed) -> tuple[ScoredPairs, ScoredPairs]:
    """The judged pairs with grades of four and of three levels; categories are the products' departments."""
    qids = np.array([group.qid for group in groups for _ in group.products])
    levels = np.array([level for group in groups for level in group.grades])
    families = np.array([bed.families[one] for group in groups for one in group.products])
    return scored_pairs(qids, levels, scores, families), scored_pairs(qids, THREE[levels], scores, families)


def pooled(snapshot: Snapshot, bed: Bed) -> dict[str, Statistic]:
    """Figures of all test pairs together; thresholds are those of the dev pairs."""
    four, three = pairs_of(bed.test, snapshot.test, bed)
    dev_four, dev_three = pairs_of(bed.dev, snapshot.dev, bed)
    two, one, none = (three.grades == level for level in (2, 1, 0))
    answers = held_out_threshold(four, validation=dev_four, relevant_from=2.0)
    related = held_out_threshold(three, validation=dev_three, relevant_from=1.0)
    upper, lower = overlap_of(three, 2, 1), overlap_of(three, 1, 0)
    return {
        "AUC 2>1": auc_of(three, two, one),
        "AUC 1>0": auc_of(three, one, none),
        "AUC 2>0": auc_of(three, two, none),
        "AUC exact": auc_of(four, four.grades == 3, four.grades < 3),
        "overlap 2,1": upper,
        "overlap 1,0": lower,
        "overlap": lambda counts: (upper(counts) + lower(counts)) / 2,
        "gap 2-1": mean_gap_of(three, 2, 1),
        "gap 1-0": mean_gap_of(three, 1, 0),
        "F1": f1_of(four, answers.called, answers.relevant),
        "F1, complements too": f1_of(three, related.called, related.relevant),
        "spread": spread_of(four, answers.called, answers.relevant),
    }


def resampled(statistics: Mapping[str, Statistic], n_queries: int) -> dict[str, Floats]:
    """Each figure of queries drawn with replacement, the same draws for all; the first is of every query once."""
    drawn = np.random.default_rng(7).integers(0, n_queries, (ROUNDS, n_queries))
    counts = np.stack([np.bincount(row, minlength=n_queries) for row in drawn]).astype(np.float64)
    counts = np.concatenate([np.ones((1, n_queries)), counts])
    return {name: one(counts) for name, one in statistics.items()}


def summary(arms: Mapping[str, Mapping[int, Snapshot]], bed: Bed, ids: Sequence[str]) -> dict[str, Any]:
    """Each arm's figures, by tier and class too, and the pairs of COMPARED over the seeds that both have."""
    queries = {name: {seed: per_query(one, bed, ids) for seed, one in of.items()} for name, of in arms.items()}
    together = {
        name: {seed: resampled(pooled(one, bed), len(bed.test)) for seed, one in of.items()}
        for name, of in arms.items()
    }
    out: dict[str, Any] = {
        "products": len(ids),
        "train": len(bed.train),
        "dev": len(bed.dev),
        "test": len(bed.test),
        "pairs": {"train": sum(map(len, bed.train)), "test": sum(map(len, bed.test))},
        "slips": len(bed.slips),
        "arms": {},
        "against": {},
    }
    for name, of in arms.items():
        figures = _averaged(list(queries[name].values()))
        levels = np.array([THREE[level] for group in bed.test for level in group.grades])
        out["arms"][name] = {
            "seeds": len(of),
            **{key: _known_mean(values) for key, values in figures.items()},
            **{
                key: round(float(np.mean([one[key][0] for one in together[name].values()])), 4)
                for key in next(iter(together[name].values()))
            },
            "means": [
                round(float(np.mean([one.test[levels == level].mean() for one in of.values()])), 3)
                for level in (2, 1, 0)
            ],
            "nDCG@10 by seed": [_known_mean(one["nDCG@10"]) for one in queries[name].values()],
            "nDCG@10 by tier": _by_column(figures["nDCG@10"], bed, "tier"),
            "nDCG@10 by class": _by_column(figures["nDCG@10"], bed, "class"),
        }
    for new, old in COMPARED:
        if new in arms and old in arms:
            seeds = sorted(arms[new].keys() & arms[old].keys())
            was, became = (_averaged([queries[name][seed] for seed in seeds]) for name in (old, new))
            found = {key: _moved(was[key], became[key]) for key in was}
            for key in together[new][seeds[0]]:
                first, second = (np.mean([together[name][seed][key] for seed in seeds], axis=0) for name in (old, new))
                low, high = np.nanquantile((second - first)[1:], (0.025, 0.975))
                found[key] = _row(first[0], second[0], low, high)
            tiers = {tier for group in bed.test for tier in (group.columns["tier"],)}
            found["nDCG@10 by tier"] = {
                tier: _moved(was["nDCG@10"][own], became["nDCG@10"][own])
                for tier in sorted(tiers)
                for own in [np.array([group.columns["tier"] == tier for group in bed.test])]
            }
            out["against"][f"{new} / {old}"] = {"seeds": len(seeds), **found}
    return out


def _averaged(seeds: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    return {key: np.mean([one[key] for one in seeds], axis=0) for key in seeds[0]}


def _known_mean(values: Floats) -> float:
    return round(float(np.nanmean(values)), 4)


def _by_column(values: Floats, bed: Bed, column: str) -> dict[str, float]:
    of = np.array([group.columns[column] for group in bed.test])
    return {str(one): _known_mean(values[of == one]) for one in np.unique(of)}


def _moved(old: Floats, new: Floats) -> dict[str, float]:
    known = np.isfinite(old) & np.isfinite(new)
    interval = bootstrap_interval(new[known] - old[known], rounds=2 * ROUNDS)
    return _row(float(old[known].mean()), float(new[known].mean()), interval.low, interval.high)


def _row(old: float, new: float, low: float, high: float) -> dict[str, float]:
    found = {"old": old, "new": new, "difference": new - old, "low": low, "high": high}
    return {key: round(float(value), 4) for key, value in found.items()}


def masked_shares(tower: Any, bed: Bed, stage: Stage, seed: int, *, batches: int = 20) -> dict[str, float]:
    """What the mask of an InfoNCE stage takes, by the tower as it is, on batches of the stage with a copy of each row's
    first positive planted: shares of the copies, of products nobody judged that are exact or substitutes in truth, and
    of those that are irrelevant. `delta 0` and `delta -.05` are what smaller margins would take."""
    drawn = GroupBatches(bed.train, batch=stage.batch, per_level=stage.per_level, seed=seed)
    taken: dict[str, list[Floats]] = {}
    for number in range(batches):
        batch = drawn.batch(number)
        queries = torch.from_numpy(unit_vectors(tower, list(batch.queries)))
        products = torch.from_numpy(unit_vectors(tower, [bed.texts[one] for one in batch.products]))
        scores = queries @ products.T
        qid = {group.query: group.qid for group in bed.train}
        truth = np.array([[bed.truth[qid[q]].get(one, 0) for one in batch.products] for q in batch.queries])
        unknown = batch.levels == UNLABELLED
        for row in range(len(batch.queries)):
            own = np.flatnonzero(batch.own[row] & (batch.levels[row] >= 2))
            if not len(own):
                continue
            copies = torch.from_numpy(unit_vectors(tower, [bed.copies[batch.products[at]] for at in own]))
            for column, copy in zip(own, copies, strict=True):
                with_copy = torch.cat([scores[row], (queries[row] @ copy)[None]])[None]
                for name, delta in (("delta .1", 0.1), ("delta 0", 0.0), ("delta -.05", -0.05)):
                    mask = false_negative_mask(with_copy, torch.tensor([int(column)]), delta=delta)[0].numpy()
                    of_row = mask[:-1]
                    for kind, values in (
                        ("copies", mask[-1:]),
                        ("false negatives", of_row[unknown[row] & (truth[row] >= 2)]),
                        ("true negatives", of_row[unknown[row] & (truth[row] == 0)]),
                    ):
                        taken.setdefault(f"{name}, {kind}", []).append(values.astype(np.float64))
    return {name: round(float(np.concatenate(values).mean()), 5) for name, values in taken.items()}


def annotator_figures(file: Path, bed: Bed) -> dict[str, Any]:
    """How far what the annotator said of mined products agrees with the truth, in three levels."""
    qid = {group.query: group.qid for group in bed.train}
    true, said = [], []
    for line in file.read_bytes().splitlines():
        row = orjson.loads(line)
        true.append(int(THREE[bed.truth[qid[row["query"]]].get(row["product"], 0)]))
        said.append(int(np.argmax(row["levels"])))
    found = agreement(true, said, n_levels=3).to_dict()
    confusion = np.array(found["confusion"])
    return {
        **found,
        "truly relevant": round(float(confusion[1:].sum() / confusion.sum()), 4),
        "precision of relevant": round(float(confusion[1:, 1:].sum() / confusion[:, 1:].sum()), 4),
        "precision by level": [round(float(confusion[at, at] / confusion[:, at].sum()), 4) for at in range(3)],
    }


_SHOWN: tuple[str, ...] = (
    "nDCG@10", "nDCG@8", "MAP@8", "R@100", "in order",
    "AUC 2>1", "AUC 1>0", "overlap 2,1", "overlap 1,0", "F1", "spread",
)  # fmt: skip


def tables(found: Mapping[str, Any]) -> str:
    """Markdown: the arms, and every comparison."""
    lines = [f"| arm | {' | '.join(_SHOWN)} | means 2, 1, 0 |", "|---" * (len(_SHOWN) + 2) + "|"]
    for name, arm in found["arms"].items():
        cells = [f"{arm[key]:.3f}" for key in _SHOWN]
        lines.append(f"| {name} ({arm['seeds']}) | {' | '.join(cells)} | {arm['means']} |")
    for name, of in found["against"].items():
        lines += ["", f"{name} ({of['seeds']} seeds)"]
        lines += [
            f"  {key:24s} {one['old']:.4f} to {one['new']:.4f}: {one['difference']:+.4f} "
            f"({one['low']:+.4f} to {one['high']:+.4f})"
            for key, one in of.items()
            if isinstance(one, Mapping) and "old" in one
        ]
    for name in ("annotator", "mining", "mask"):
        lines += ["", f"{name}: {found[name]}"]
    return "\n".join(lines)
