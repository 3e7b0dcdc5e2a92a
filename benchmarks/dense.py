"""What graded training makes of an encoder, on Icecat's judgments: folds by query, seeds, arms and controls.

    nice -n 10 python -m benchmarks.dense --work /tmp/dense --base static --seeds 3 --out benchmarks/results

Each arm trains on four fifths of the judged queries and is scored on the last (a tenth of the training queries is held
out of training to choose a threshold). Figures of all folds are put together, those of seeds averaged query by query,
and each arm compared with the untrained base and with named arms by paired bootstrap over queries. What was trained is
kept in the work folder, so that an interrupted run goes on.

`--base onnx` trains all-MiniLM-L6-v2's upper layers, over activations of the whole catalogue that are kept. With
`--near 150` only products that may be among a test query's 100 best are encoded, half of the catalogue: those that a
linear map from the untrained vectors, learned on what is encoded already, puts among its 150 best.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.dense_figures import Arm, Snapshot, summary, table
from benchmarks.measure import write_result
from multirecall.engines.base import Engine
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.training.dense.course import Course
from multirecall.training.dense.objectives import AcrossQueriesOrder, BinaryCircle, Contrastive, InfoNce, Ordering
from multirecall.training.dense.scoring import unit_vectors
from multirecall.training.dense.stages import Stage, put_back, values_of
from multirecall.training.dense.static_tower import StaticTower
from multirecall.training.graded.annotating import Annotator
from multirecall.training.graded.groups import GradedGroup, graded_groups
from multirecall.training.graded.mining import AllIrrelevant, mine
from multirecall.training.graded.recalling import ExactRecall
from multirecall.training.graded.recipe import MineAndRefine, centres_of, thresholds_of
from multirecall.training.graded.remembering import RememberingAnnotator
from multirecall.training.graded.scales import FOUR_GRADES, three_levels
from multirecall.training.graded.splits import deal_groups
from multirecall.training.roar.recipe import Roar
from multirecall.wiring.encoder_training import Annotating, catalogue_texts, shop_to_learn
from multirecall.wiring.settings import load_settings

RIDGE = 0.3
EPOCHS = {"static": (10.0, 5.0), "onnx": (2.0, 1.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Groups of four levels; `three` gives those of three by query id."""

    train: Sequence[GradedGroup]
    dev: Sequence[GradedGroup]
    test: Sequence[GradedGroup]
    three: Mapping[str, GradedGroup]

    def levels(self, groups: Sequence[GradedGroup], top: int) -> list[GradedGroup]:
        return list(groups) if top == 3 else [self.three[group.qid] for group in groups]


Step = tuple[Stage, Sequence[GradedGroup], Sequence[GradedGroup]]
"""(stage, what it learns from, what else is judged for these queries)."""


class Bench:
    """One tower, put back to where it began before each arm; first stages that arms share are trained once."""

    def __init__(
        self,
        tower: Any,
        texts: Mapping[str, str],
        ids: Sequence[str],
        work: Path,
        base: str,
        annotating: Annotating | None = None,
        near: int | None = None,
    ) -> None:
        self.tower = tower
        self.texts = texts
        self.ids = ids
        self.work = work
        self.base = base
        self.start = values_of(tower)
        self._annotating = annotating
        self._near = near
        self._untrained: np.ndarray | None = None
        self._annotators: dict[int, Annotator] = {}
        self._after: dict[tuple[Any, ...], dict[str, torch.Tensor]] = {}

    def course(self, fold: int, seed: int, stages: Sequence[Step]) -> Course:
        """A course that has gone through these stages."""
        course = Course(self.tower, self.texts, seed=seed)
        put_back(self.tower, self.start)
        key: tuple[Any, ...] = (fold, seed)
        for stage, groups, judged in stages:
            key = (*key, repr(stage), hash(tuple(groups)))
            if key in self._after:
                put_back(self.tower, self._after[key])
            else:
                course.run(stage, groups, judged=judged)
                self._after[key] = values_of(self.tower)
        return course

    def annotator(self, fold: int, train: Sequence[GradedGroup]) -> Annotator:
        """The trees of a fold, learned once and remembered with all that they said."""
        if fold not in self._annotators:
            self._annotators[fold] = RememberingAnnotator(
                self._annotating(train, 3), self.work / f"annotated-{fold}.jsonl"
            )
        return self._annotators[fold]

    def forget(self) -> None:
        self._after.clear()

    def snapshot(self, fold: Fold) -> Snapshot:
        """Scores of the judged pairs of test and dev queries, and the 100 best of the products per test query."""
        groups = [*fold.test, *fold.dev]
        texts = {self.texts[name] for group in groups for name in group.products} | {group.query for group in groups}
        of = self._vectors(sorted(texts))

        def scores(groups: Sequence[GradedGroup]) -> np.ndarray:
            return np.concatenate(
                [np.stack([of[self.texts[name]] for name in group.products]) @ of[group.query] for group in groups]
            )

        tops, cosines = self._nearest(np.stack([of[group.query] for group in fold.test]), of)
        return Snapshot(test=scores(fold.test), dev=scores(fold.dev), tops=tops, cosines=cosines)

    def _vectors(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        return dict(zip(texts, unit_vectors(self.tower, texts), strict=True)) if texts else {}

    def _nearest(
        self, queries: np.ndarray, of: Mapping[str, np.ndarray], n: int = 100
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places among `ids` and cosines of each query's `n` best, best first; shapes (queries, n). `of` are vectors
        that are known by now, by text."""
        if self._near == 0 or not self.ids:
            return np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0), dtype=np.float32)
        texts = [self.texts[name] for name in self.ids]
        if self._near is None:
            return best_of(queries @ unit_vectors(self.tower, texts).T, n)
        before = self._untrained_vectors(texts)
        known = np.array([text in of for text in texts])
        vectors = np.stack([of.get(text, np.zeros(queries.shape[1], dtype=np.float32)) for text in texts])
        for _ in range(2):
            guessed = np.where(known[:, None], vectors, guess(before, vectors, known))
            wanted = [at for at in np.unique(best_of(queries @ guessed.T, self._near)[0]) if not known[at]]
            found = self._vectors(sorted({texts[at] for at in wanted}))
            for at in wanted:
                vectors[at], known[at] = found[texts[at]], True
        return best_of(np.where(known, queries @ vectors.T, -np.inf), n)

    def _untrained_vectors(self, texts: Sequence[str]) -> np.ndarray:
        if self._untrained is None:
            now = values_of(self.tower)
            put_back(self.tower, self.start)
            self._untrained = unit_vectors(self.tower, texts)
            put_back(self.tower, now)
        return self._untrained


def guess(before: np.ndarray, vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unit vectors of all products, by the linear map that best makes those known of what they were before."""
    inputs = np.c_[before, np.ones(len(before))].astype(np.float64)
    learned = inputs[known]
    weights = np.linalg.solve(learned.T @ learned + RIDGE * np.eye(inputs.shape[1]), learned.T @ vectors[known])
    guessed = inputs @ weights
    return guessed / np.linalg.norm(guessed, axis=1, keepdims=True)


def best_of(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and values of the `n` highest of each row, highest first."""
    tops = np.argpartition(-scores, n, axis=1)[:, :n]
    values = np.take_along_axis(scores, tops, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(tops, order, axis=1), np.take_along_axis(values, order, axis=1)


Stages = Callable[[Bench, Fold, int, int], Sequence[Step]]


def mine_refine(second: Callable[[MineAndRefine, tuple[float, ...]], Stage] | None, *, first: bool = True) -> Stages:
    """Stage 1, and a second that is made of the recipe and the centres which stage 1's scores give."""

    def stages(bench: Bench, fold: Fold, number: int, seed: int) -> Sequence[Step]:
        recipe = MineAndRefine(epochs=EPOCHS[bench.base])
        groups, dev = fold.levels(fold.train, 2), fold.levels(fold.dev, 2)
        one: list[Step] = [(recipe.first(), groups, ())] if first else []
        if second is None:
            return one
        course = bench.course(number, seed, one)
        return [*one, (second(recipe, centres_of(thresholds_of(course, dev, 2))), groups, ())]

    return stages


def mined(*, annotated: bool) -> Stages:
    """Stage 2 on what stage 1's encoder finds hard in the whole catalogue; unjudged products graded by trees that know
    the training queries' judgments, or taken for irrelevant."""

    def stages(bench: Bench, fold: Fold, number: int, seed: int) -> Sequence[Step]:
        recipe = MineAndRefine(epochs=EPOCHS[bench.base])
        train, dev = fold.levels(fold.train, 2), fold.levels(fold.dev, 2)
        one: list[Step] = [(recipe.first(), train, ())]
        thresholds = thresholds_of(bench.course(number, seed, one), dev, 2)
        vectors = unit_vectors(bench.tower, [bench.texts[name] for name in bench.ids])
        found = mine(
            train,
            ExactRecall(bench.ids, vectors, lambda queries: unit_vectors(bench.tower, queries)),
            thresholds=thresholds,
            annotator=bench.annotator(number, train) if annotated else AllIrrelevant(3),
            seed=seed,
        )
        say(f"seed {seed}, fold {number}, mining: {found.report.to_dict()}")
        return [*one, (recipe.second(centres_of(thresholds)), found.groups, train)]

    return stages


def roars(
    change: Callable[[Roar], Roar] = lambda recipe: recipe,
    *,
    of: Callable[[Stage, Stage], Sequence[Stage]] = lambda one, two: (one, two),
    shuffled: bool = False,
) -> Stages:
    """ROAR's stages by the recipe, changed; `shuffled` deals the grades of stage 2 out anew within each query."""

    def stages(bench: Bench, fold: Fold, number: int, seed: int) -> Sequence[Step]:
        recipe = change(Roar(epochs=EPOCHS[bench.base]))
        chosen = of(*recipe.stages())
        last = [with_shuffled_grades(group, seed) for group in fold.train] if shuffled else fold.train
        return [(stage, last if stage.name == "stage-2" else fold.train, ()) for stage in chosen]

    return stages


def with_shuffled_grades(group: GradedGroup, seed: int) -> GradedGroup:
    random = np.random.default_rng((seed, sum(group.qid.encode())))
    return replace(group, grades=tuple(group.grades[at] for at in random.permutation(len(group))))


def ordered_by(by: Any) -> Callable[[Stage, Stage], Sequence[Stage]]:
    def of(one: Stage, two: Stage) -> Sequence[Stage]:
        beside = InfoNce(lowest=3, mask_from=0.0)
        return one, replace(two, objective=Ordering(by=by, beside=beside))

    return of


def exact_only(one: Stage, two: Stage) -> Sequence[Stage]:
    return (replace(one, epochs=one.epochs + two.epochs, objective=InfoNce(lowest=3)),)


def binary(recipe: MineAndRefine, centres: tuple[float, ...]) -> Stage:
    return replace(recipe.second(centres), objective=BinaryCircle(beside=Contrastive(top=2)))


def across_queries(recipe: MineAndRefine, centres: tuple[float, ...]) -> Stage:
    return replace(recipe.second(centres), objective=AcrossQueriesOrder(beside=Contrastive(top=2)), rate=1.0)


def one_sided(recipe: MineAndRefine, centres: tuple[float, ...]) -> Stage:
    second = recipe.second(centres)
    return replace(second, objective=replace(second.objective, one_sided=True))


ARMS: Mapping[str, Stages] = {
    "untrained": lambda bench, fold, number, seed: (),
    "InfoNCE, exact only": roars(of=exact_only),
    "supervised contrastive (M&R stage 1)": mine_refine(None),
    "M&R: circle": mine_refine(lambda recipe, centres: recipe.second(centres)),
    "M&R: circle, one-sided": mine_refine(one_sided),
    "M&R: order across queries": mine_refine(across_queries),
    "M&R: mined, annotated": mined(annotated=True),
    "M&R: mined, not annotated": mined(annotated=False),
    "M&R: binary circle": mine_refine(binary),
    "M&R: circle from the raw encoder": mine_refine(lambda recipe, centres: recipe.second(centres), first=False),
    "InfoNCE with mask (ROAR stage 1)": roars(of=lambda one, two: (one,)),
    "InfoNCE without mask": roars(lambda recipe: replace(recipe, mask_from=1.0), of=lambda one, two: (one,)),
    "ROAR": roars(),
    "ROAR, margin-aware": roars(lambda recipe: replace(recipe, margin=1.0)),
    "ROAR stage 2 from the raw encoder": roars(of=lambda one, two: (two,)),
    "Bradley-Terry": roars(of=ordered_by("bradley-terry")),
    "DPO-style": roars(of=ordered_by("direct-preference")),
    "Plackett-Luce": roars(of=ordered_by("plackett-luce")),
    "ROAR, grades shuffled": roars(shuffled=True),
}
"""By name, what an arm trains."""


def folds_of(groups: Sequence[GradedGroup], three: Mapping[str, GradedGroup], n: int) -> list[Fold]:
    dealt = deal_groups(groups, n, seed=0)
    out = []
    for number, test in enumerate(dealt):
        rest = [group for at, part in enumerate(dealt) if at != number for group in part]
        dev, *train = deal_groups(rest, 10, seed=number)
        out.append(Fold(train=[group for part in train for group in part], dev=dev, test=test, three=three))
    return out


def judged_folds(data: Path, texts: Mapping[str, str], n: int) -> list[Fold]:
    """Of Icecat's judged queries; `texts` by product id."""
    queries, judgments = read_queries(data / "queries.tsv"), read_judgments(data / "judgments.tsv")
    four, three = (
        graded_groups(queries, judgments, catalogue=texts, scale=scale).groups
        for scale in (FOUR_GRADES, three_levels())
    )
    return folds_of(four, {group.qid: group for group in three}, n)


def kept_file(work: Path, base: str, seed: int, fold: int, arm: str) -> Path:
    """Where an arm's snapshot lies."""
    return work / f"{base}-{seed}-{fold}" / f"{arm.replace(' ', '_')}.npz"


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def tower_of(args: argparse.Namespace) -> Any:
    if args.base == "static":
        return StaticTower()
    from multirecall.training.dense.transformer_tower import TransformerTower

    tower = TransformerTower(layers=args.layers)
    tower.learning_rate = args.rate or tower.learning_rate
    return tower


def trained(
    args: argparse.Namespace, engine: Engine, annotating: Annotating
) -> tuple[dict[str, Arm], list[Fold], list[str]]:
    texts = catalogue_texts(engine)
    folds = judged_folds(args.data, texts, args.folds)
    ids = sorted(texts)
    tower = tower_of(args)
    tower.prepare([*(group.query for fold in folds for group in fold.test), *texts.values()])
    bench = Bench(tower, texts, ids, args.work, args.base, annotating, args.near)
    arms: dict[str, Arm] = {name: {} for name in args.arms}
    for seed in range(1, args.seeds + 1):
        for number, fold in enumerate(folds):
            for name in args.arms:
                kept = kept_file(args.work, args.base, seed, number, name)
                if not kept.exists():
                    started = time.perf_counter()
                    bench.course(number, seed, ARMS[name](bench, fold, number, seed))
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    bench.snapshot(fold).save(kept)
                    if args.base == "onnx":
                        save_file(values_of(bench.tower), kept.with_suffix(".safetensors"))
                    if args.write and (seed, number, name) == (1, 0, args.arms[-1]):
                        args.write.mkdir(parents=True)
                        tower.write(args.write)
                    say(f"seed {seed}, fold {number}, {name}: {time.perf_counter() - started:.0f} s")
                arms[name][seed, number] = Snapshot.load(kept)
            bench.forget()
    return arms, folds, ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for what arms give")
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--base", choices=sorted(EPOCHS), default="static")
    parser.add_argument("--layers", type=int, default=1, help="upper layers that are trained (onnx)")
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--near", type=int, default=None, help="see above; 0: judged products alone, no R@100")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--write", type=Path, help="new folder for the last arm's encoder of the first seed and fold")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with shop_to_learn(load_settings(), engine_url=args.engine, catalogue=None) as (engine, annotating):
        arms, folds, ids = trained(args, engine, annotating)
    found = summary(arms, [(fold.test, fold.dev) for fold in folds], ids, baseline=args.arms[0])
    sys.stderr.write(table(found) + "\n")
    settings = {key: str(value) for key, value in vars(args).items()}
    write_result(f"dense-{args.base}", {"settings": settings, **found}, args.out)


if __name__ == "__main__":
    main()
