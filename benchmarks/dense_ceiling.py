"""How near to the aims of graded training a scorer could come that agrees with Icecat's judgments as a person does.

    python -m benchmarks.dense_ceiling --work /tmp/dense --base onnx --seeds 3 --arms untrained ROAR

Aims like "exact above substitute above complement in 60 % of the groups" come from other data. Here a made scorer says
the judged grade and an error, drawn anew for each product, whose size gives (rounded to a grade) the agreement wanted:
a quadratic kappa of .66, as of two raters of these queries, or .81, as of the language model that graded most pairs
with the raters' final word. Its errors are independent; those of a rater who misunderstands a query are not: it is an
upper bound. Beside it, the arms that `benchmarks.dense` left in the work folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.dense import judged_folds, kept_file
from benchmarks.dense_figures import THREE, Snapshot
from benchmarks.measure import write_result
from multirecall.evaluation.scored_pairs import ordering, scored_pairs
from multirecall.evaluation.separation import auc, best_f1
from multirecall.training.graded.annotating import agreement
from multirecall.training.graded.groups import GradedGroup
from multirecall.wiring.encoder_training import catalogue_texts
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

Floats = NDArray[np.float64]
KAPPAS = {"two raters": 0.66, "language model and raters": 0.81}
DRAWS = 10


def figures(groups: Sequence[GradedGroup], scores: Floats) -> dict[str, float]:
    """Order in groups with exact, substitute and complement, by four levels and by three (substitutes and complements
    one); AUC between neighbours of three levels, F1 of the best threshold for grade 2 or more, over all pairs."""
    taken = np.concatenate([np.full(len(one), {1, 2, 3} <= set(one.grades)) for one in groups])
    queries = np.repeat(np.arange(len(groups)), [len(one) for one in groups])
    grades = np.array([grade for one in groups for grade in one.grades])
    three = THREE[grades]
    four, merged = (
        ordering(scored_pairs(queries[taken], levels[taken], scores[taken]), least_grades=2)
        for levels in (grades, three)
    )
    return {
        "ordered": four.by_means,
        "one of each ordered": four.by_representatives,
        "three levels ordered": merged.by_means,
        "AUC 2v1": auc(scores[three == 2], scores[three == 1]),
        "AUC 1v0": auc(scores[three == 1], scores[three == 0]),
        "F1": best_f1(scores, grades >= 2)[0],
    }


def kappa(grades: NDArray[np.int64], said: Floats) -> float:
    rounded = np.clip(np.rint(said), 0, 3).astype(int)
    return agreement(grades.tolist(), rounded.tolist(), n_levels=4).kappa


def made(groups: Sequence[GradedGroup], wanted: float, seed: int) -> Floats:
    """Scores of a scorer with this kappa; shape (pairs,)."""
    grades = np.array([grade for one in groups for grade in one.grades])
    errors = np.random.default_rng(seed).normal(size=len(grades))
    low, high = 0.0, 4.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if kappa(grades, grades + middle * errors) > wanted else (low, middle)
    return grades + low * errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="what benchmarks.dense was given")
    parser.add_argument("--base", choices=("static", "onnx"), default="onnx")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--arms", nargs="+", default=["untrained", "ROAR"])
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    with opened_engine(load_settings(), args.engine) as engine:
        folds = judged_folds(args.data, catalogue_texts(engine), 5)
    groups = [group for fold in folds for group in fold.test]
    scorers: dict[str, list[Floats]] = {
        "luck": [np.random.default_rng(seed).random(sum(map(len, groups))) for seed in range(DRAWS)]
    }
    for arm in args.arms:
        scorers[arm] = [
            np.concatenate(
                [Snapshot.load(kept_file(args.work, args.base, seed, number, arm)).test for number in range(len(folds))]
            ).astype(np.float64)
            for seed in range(1, args.seeds + 1)
        ]
    for name, wanted in KAPPAS.items():
        scorers[f"kappa {wanted} ({name})"] = [made(groups, wanted, seed) for seed in range(DRAWS)]
    result: dict[str, Any] = {}
    for name, some in scorers.items():
        rows = [figures(groups, scores) for scores in some]
        result[name] = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]}
        sys.stderr.write(f"| {name} | {' | '.join(f'{value:.3f}' for value in result[name].values())} |\n")
    write_result(f"dense-ceiling-{args.base}", {"scorers": result}, args.out)


if __name__ == "__main__":
    main()
