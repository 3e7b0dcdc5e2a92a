"""How far the annotator of mined pairs agrees with held-out human and model grades, and what mining finds on Icecat.

    python -m benchmarks.annotator --engine embedded:.multirecall/quality/icecat-onnx --out benchmarks/results

Five folds over queries: nothing of a query is learned from when it is graded. Arms: the blender's features, with the
query's rewritings and without; a constant (the most frequent level); a control that learns from levels shuffled within
their query; one that knows half of each query's own judgments, as in mining. Then the index's own encoder is mined for
the queries of each fold with the annotator of the others: what share of what it finds first, and nobody judged, the
annotator takes for relevant.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.built import build_rewriters, ensure_index
from benchmarks.measure import write_result
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.training.graded.annotating import Agreement, agreement, labels, pairs_of
from multirecall.training.graded.duplicates import catalogue_duplicates
from multirecall.training.graded.evidence import Evidence, open_evidence
from multirecall.training.graded.groups import GradedGroup, graded_groups
from multirecall.training.graded.mining import mine
from multirecall.training.graded.recalling import EngineRecall, lexical_hits
from multirecall.training.graded.scales import FOUR_GRADES, Scale, three_levels
from multirecall.training.graded.splits import deal_groups
from multirecall.training.graded.thresholds import level_thresholds
from multirecall.training.graded.trees import TreeAnnotator, learn_trees
from multirecall.wiring.searchers import OpenSearcher, opened_searcher
from multirecall.wiring.settings import load_settings

SCALES = {"four": FOUR_GRADES, "three": three_levels()}
MARGINS = (0.0, 0.1, 0.2, 0.4)


def kept_evidence(evidence: Evidence, groups: Sequence[GradedGroup]) -> Evidence:
    """The same evidence with the rows of these groups worked out once, for all folds."""
    rows = {group.query: (group.products, evidence.of(group.query, group.products)) for group in groups}

    class Kept(Evidence):
        def of(self, query: str, products: Sequence[str]) -> np.ndarray:
            of, matrix = rows.get(query, ((), None))
            place = {one: at for at, one in enumerate(of)}
            if matrix is None or any(one not in place for one in products):
                return evidence.of(query, products)
            return matrix[[place[one] for one in products]]

    return Kept(**{name: getattr(evidence, name) for name in evidence.__slots__})


def shuffled(groups: Sequence[GradedGroup], seed: int) -> list[GradedGroup]:
    random = np.random.default_rng(seed)
    return [replace(one, grades=tuple(int(level) for level in random.permutation(one.grades))) for one in groups]


def halves(groups: Sequence[GradedGroup], seed: int) -> list[list[GradedGroup]]:
    """Each query's judged products in two halves: what an annotator knows when it grades more products of a query that
    it learned from, which is what mining asks of it."""
    random = np.random.default_rng(seed)
    parts: list[list[GradedGroup]] = [[], []]
    for one in groups:
        order = random.permutation(len(one))
        for part, places in zip(parts, (order[::2], order[1::2]), strict=True):
            if len(places):
                products, grades = tuple(one.products[at] for at in places), tuple(one.grades[at] for at in places)
                part.append(replace(one, products=products, grades=grades, weights=()))
    return parts


def annotators(folds: list[list[GradedGroup]], evidence: Evidence, n_levels: int, **learn: Any) -> list[TreeAnnotator]:
    """For each fold, one that learned from the others."""
    change = learn.pop("change", list)
    return [
        learn_trees(
            change([one for other in folds if other is not fold for one in other]), evidence, n_levels=n_levels, **learn
        )
        for fold in folds
    ]


def said_of(folds: list[list[GradedGroup]], by: Sequence[TreeAnnotator]) -> np.ndarray:
    return np.concatenate([one.grade(pairs_of(fold)[0]) for fold, one in zip(folds, by, strict=True)])


def figures(levels: Sequence[int], probabilities: np.ndarray, n_levels: int) -> dict[str, Any]:
    """Agreement of the most likely level, all and above each margin with the share that is left, and of the mean."""
    by_margin = {}
    for margin in MARGINS:
        said = [label.level if label else None for label in labels(probabilities, least_margin=margin)]
        found = agreement(levels, said, n_levels=n_levels)
        by_margin[str(margin)] = {**found.to_dict(), "share": round(found.pairs / len(levels), 4)}
    mean = np.rint(probabilities @ np.arange(n_levels)).astype(int)
    return {"margins": by_margin, "by_mean": agreement(levels, mean.tolist(), n_levels=n_levels).to_dict()}


def order(groups: Sequence[GradedGroup], probabilities: np.ndarray, n_levels: int) -> float:
    """The share of pairs of one query's products with different levels that the mean level puts right, over queries;
    .5 is chance. What a query's products are like as a whole does not help here."""
    mean = probabilities @ np.arange(n_levels)
    found, at = [], 0
    for one in groups:
        said, levels = mean[at : at + len(one)], np.array(one.grades)
        at += len(one)
        higher = levels[:, None] > levels[None, :]
        if higher.any():
            right = (said[:, None] > said[None, :]) + 0.5 * (said[:, None] == said[None, :])
            found.append(float(right[higher].mean()))
    return round(float(np.mean(found)), 4)


def by_class(folds: list[list[GradedGroup]], probabilities: np.ndarray, n_levels: int) -> dict[str, Agreement]:
    groups = [one for fold in folds for one in fold]
    classes = [one.columns["class"] for one in groups for _ in one.products]
    levels = pairs_of(groups)[1]
    best = probabilities.argmax(axis=1)
    found = {}
    for name in sorted(set(classes)):
        at = [n for n, one in enumerate(classes) if one == name]
        found[name] = agreement([levels[n] for n in at], [int(best[n]) for n in at], n_levels=n_levels)
    return found


def mined(opened: OpenSearcher, folds: list[list[GradedGroup]], by: Sequence[TreeAnnotator]) -> dict[str, Any]:
    """The index's encoder mined for each fold, thresholds by the other folds."""
    recall = EngineRecall(opened.engine, opened.searcher.encoders["dense"], index=opened.index.name)
    duplicates = catalogue_duplicates(opened.engine, index=opened.index.name)
    reports = []
    for fold, annotator in zip(folds, by, strict=True):
        others = [one for other in folds if other is not fold for one in other]
        seen = recall.look([one.query for one in others], [one.products for one in others], 1)
        thresholds = level_thresholds(
            pairs_of(others)[1], [score for one in seen for score in one.cosines], n_levels=annotator.n_levels
        )
        found = mine(
            fold,
            recall,
            thresholds=thresholds,
            annotator=annotator,
            lexical=lexical_hits(opened.engine, [one.query for one in fold], 100, index=opened.index.name),
            duplicates=duplicates,
        )
        reports.append({"thresholds": thresholds.above, "medians": thresholds.medians, **found.report.to_dict()})
    total = {name: sum(one[name] for one in reports) for name in ("unlabelled", "relevant", "unsure", "duplicates")}
    return {"folds": reports, **total, "false_negative_share": round(total["relevant"] / total["unlabelled"], 4)}


def measured(options: argparse.Namespace, scale: Scale) -> dict[str, Any]:
    data = graded_groups(
        read_queries(options.data / "queries.tsv"), read_judgments(options.data / "judgments.tsv"), scale=scale
    )
    folds = deal_groups(data.groups, 5, seed=options.seed)
    groups = [one for fold in folds for one in fold]
    levels = pairs_of(groups)[1]
    commonest = int(np.bincount(levels).argmax())
    result: dict[str, Any] = {
        "data": data.report.to_dict(),
        "constant": agreement(levels, [commonest] * len(levels), n_levels=scale.n_levels).to_dict(),
    }
    settings = load_settings(rewriter_dir=options.rewriter_dir)
    for name, rewritings in (("plain", False), ("rewritings", True)):
        started = time.perf_counter()
        with opened_searcher(
            settings,
            engine_url=options.engine,
            fusion="weighted_sum",
            routes="lexical,dense",
            candidates=100,
            use_policy=False,
            rewritings=rewritings,
        ) as opened:
            evidence = kept_evidence(
                open_evidence(opened.searcher, opened.engine, opened.index, rewritings=rewritings), groups
            )
            asked_s = time.perf_counter() - started
            by = annotators(folds, evidence, scale.n_levels, seed=options.seed)
            probabilities = said_of(folds, by)
            learned_s = time.perf_counter() - started - asked_s
            result[name] = {
                **figures(levels, probabilities, scale.n_levels),
                "order": order(groups, probabilities, scale.n_levels),
                "classes": {one: of.to_dict() for one, of in by_class(folds, probabilities, scale.n_levels).items()},
                "asked_s": round(asked_s, 1),
                "learned_s": round(learned_s, 1),
            }
            print(name, result[name]["margins"], result[name]["by_mean"], flush=True)
            if rewritings:
                control = said_of(
                    folds, annotators(folds, evidence, scale.n_levels, change=lambda some: shuffled(some, options.seed))
                )
                result["shuffled"] = {
                    **figures(levels, control, scale.n_levels), "order": order(groups, control, scale.n_levels)
                }  # fmt: skip
                print("shuffled", result["shuffled"]["margins"]["0.0"], result["shuffled"]["order"], flush=True)
                own = halves(groups, options.seed)
                parts = [one for part in own for one in part]
                said = said_of(own, annotators(own, evidence, scale.n_levels, seed=options.seed))
                result["own queries"] = {
                    **figures(pairs_of(parts)[1], said, scale.n_levels), "order": order(parts, said, scale.n_levels)
                }  # fmt: skip
                print("own queries", result["own queries"]["margins"]["0.0"], flush=True)
                result["mining"] = mined(opened, folds, by)
                print("mining", {k: v for k, v in result["mining"].items() if k != "folds"}, flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--rewriter-dir", type=Path, default=Path(".multirecall/quality/rewriters"))
    parser.add_argument("--scale", choices=[*SCALES], nargs="*", default=[*SCALES])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    ensure_index(options.engine, options.data)
    build_rewriters(options.engine, options.rewriter_dir)
    write_result("annotator", {name: measured(options, SCALES[name]) for name in options.scale}, options.out)


if __name__ == "__main__":
    main()
