"""What graded training makes of static vectors on the generated shop, where the truth is known.

    python -m benchmarks.dense_bed --work /tmp/dense-bed --seeds 3 --out benchmarks/results

Splits by query, meaning, concept and wording; centres and the threshold are chosen on dev queries, everything is
measured on test queries, over all products with their true grades. What each arm gives is kept in the work folder, so
that an interrupted run goes on. Arms and stages are those of `benchmarks.dense`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.dense import Bench, Fold, Stages, Step, roars, say
from benchmarks.dense_bed_data import Bed, bed_engine, read_bed
from benchmarks.dense_bed_figures import DIMS, Snapshot, annotator_figures, masked_shares, summary, tables
from benchmarks.measure import write_result
from multirecall.encoders.opening import open_encoder
from multirecall.training.dense.objectives import BinaryCircle, Contrastive, InfoNce
from multirecall.training.dense.scoring import scores_of, unit_vectors
from multirecall.training.dense.stages import Stage
from multirecall.training.dense.static_tower import StaticTower
from multirecall.training.graded.augmenting import with_slips
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.graded.mining import AllIrrelevant, MiningRules, mine
from multirecall.training.graded.recalling import ExactRecall
from multirecall.training.graded.recipe import MineAndRefine, centres_of, thresholds_of
from multirecall.training.roar.recipe import Roar
from multirecall.wiring.encoder_training import shop_to_learn
from multirecall.wiring.settings import load_settings

EPOCHS = (5.0, 3.0)
"""Half of what Icecat's few queries take."""
MINE = MineAndRefine(epochs=EPOCHS)
ACROSS = MineAndRefine(epochs=EPOCHS, separate="across-queries")
RULES = MiningRules(max_annotated=30)


def mine_refine(*, stages: int = 2, mined: str = "", recipe: MineAndRefine = MINE, binary: bool = False) -> Stages:
    """`mined`: "annotated" by trees that know the training judgments, "unjudged is irrelevant", or "" for nothing."""

    def made(bench: Bench, fold: Fold, number: int, seed: int) -> Sequence[Step]:
        train, dev = fold.levels(fold.train, 2), fold.levels(fold.dev, 2)
        one: list[Step] = [(recipe.first(), train, ())]
        if stages == 1:
            return one
        thresholds = thresholds_of(bench.course(number, seed, one), dev, 2)
        second: Stage = recipe.second(centres_of(thresholds))
        if binary:
            second = replace(second, objective=BinaryCircle(beside=Contrastive(top=2)))
        if not mined:
            return [*one, (second, train, ())]
        clean = [group for group in train if not group.original]
        vectors = unit_vectors(bench.tower, [bench.texts[name] for name in bench.ids])
        found = mine(
            clean,
            ExactRecall(bench.ids, vectors, lambda queries: unit_vectors(bench.tower, queries)),
            thresholds=thresholds,
            annotator=bench.annotator(0, clean) if mined == "annotated" else AllIrrelevant(3),
            rules=RULES,
            seed=seed,
        )
        report = {"mined": mined, "seed": seed, **found.report.to_dict()}
        with (bench.work / "mined.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(report) + "\n")
        return [*one, (second, [*found.groups, *train], train)]

    return made


def first_alone(one: Stage, two: Stage) -> Sequence[Stage]:
    return (one,)


def first_exact(one: Stage, two: Stage) -> Sequence[Stage]:
    return (replace(one, objective=InfoNce(lowest=3, mask_from=0.2)),)


def bed_roar(recipe: Roar) -> Roar:
    return replace(recipe, epochs=EPOCHS, second_rate=1.0)


ARMS: Mapping[str, Stages] = {
    "untrained": lambda bench, fold, number, seed: (),
    "supervised contrastive": mine_refine(stages=1),
    "circle, not mined": mine_refine(),
    "mined, annotated": mine_refine(mined="annotated"),
    "mined, order across queries": mine_refine(mined="annotated", recipe=ACROSS),
    "mined, unjudged is irrelevant": mine_refine(mined="unjudged is irrelevant"),
    "InfoNCE with mask": roars(bed_roar, of=first_alone),
    "ROAR": roars(bed_roar),
    "ROAR, grades shuffled": roars(bed_roar, shuffled=True),
    "ROAR stage 2 from the raw encoder": roars(bed_roar, of=lambda one, two: (two,)),
    "InfoNCE with mask, exact only": roars(bed_roar, of=first_exact),
    "supervised contrastive, with slips": mine_refine(stages=1),
    "ROAR, with slips": roars(bed_roar),
    "binary circle, not mined": mine_refine(binary=True),
    "InfoNCE without mask": roars(lambda recipe: replace(bed_roar(recipe), mask_from=1.0), of=first_alone),
    "InfoNCE with mask at -.05": roars(lambda recipe: replace(bed_roar(recipe), delta=-0.05), of=first_alone),
    "ROAR with mask at -.05": roars(lambda recipe: replace(bed_roar(recipe), delta=-0.05)),
    "ROAR, Matryoshka": roars(lambda recipe: replace(bed_roar(recipe), dims=DIMS)),
}
"""By name, what an arm trains; names that end in "with slips" learn from misspelt copies too."""


def folds(bed: Bed, seed: int) -> tuple[Fold, Fold]:
    """Without and with misspelt copies of training queries."""
    slips = with_slips(bed.train, seed=seed)
    copies = {
        one.qid: replace(bed.three[one.original], query=one.query, qid=one.qid, original=one.original)
        for one in slips
        if one.original
    }
    plain = Fold(train=bed.train, dev=bed.dev, test=bed.test, three=bed.three)
    return plain, replace(plain, train=slips, three={**bed.three, **copies})


def snapshot(bench: Bench, bed: Bed) -> Snapshot:
    """What the tower as it is makes of the dev and test queries."""
    products = unit_vectors(bench.tower, [bench.texts[name] for name in bench.ids])

    def tops(groups: Sequence[GradedGroup], n: int, dim: int) -> np.ndarray:
        queries = unit_vectors(bench.tower, [group.query for group in groups])[:, :dim]
        cut = products[:, :dim] / np.linalg.norm(products[:, :dim], axis=1, keepdims=True)
        return np.argsort(-(queries @ cut.T), axis=1, kind="stable")[:, :n].astype(np.int32)

    width = products.shape[1]
    return Snapshot(
        test=scores_of(bench.tower, bed.test, bench.texts),
        dev=scores_of(bench.tower, bed.dev, bench.texts),
        tops=tops(bed.test, 100, width),
        slips=tops(bed.slips, 10, width),
        cut={dim: tops(bed.test, 10, dim) for dim in DIMS},
    )


def trained(bench: Bench, bed: Bed, args: argparse.Namespace) -> dict[str, dict[int, Snapshot]]:
    """By arm and seed; those of `args.once` with the first seed alone."""
    found: dict[str, dict[int, Snapshot]] = {name: {} for name in args.arms}
    for seed in range(1, args.seeds + 1):
        plain, slipped = folds(bed, seed)
        for name in args.arms:
            if seed > 1 and name in args.once:
                continue
            kept = args.work / f"seed-{seed}" / f"{name.replace(' ', '_')}.npz"
            if not kept.exists():
                started = time.perf_counter()
                fold = slipped if name.endswith("with slips") else plain
                bench.course(int(fold is slipped), seed, ARMS[name](bench, fold, int(fold is slipped), seed))
                kept.parent.mkdir(parents=True, exist_ok=True)
                snapshot(bench, bed).save(kept)
                if name == "InfoNCE with mask":
                    shares = masked_shares(bench.tower, bed, bed_roar(Roar()).stages()[0], seed)
                    kept.with_suffix(".json").write_text(json.dumps(shares))
                say(f"seed {seed}, {name}: {time.perf_counter() - started:.0f} s")
            found[name][seed] = Snapshot.load(kept)
        bench.forget()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the shop, its index and what arms give")
    parser.add_argument("--products", type=int, default=6000)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--once", nargs="*", choices=list(ARMS), default=list(ARMS)[-5:], help="with one seed alone")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    sizes = {"products": args.products, "queries": args.queries, "seed": 7}
    engine = bed_engine(args.work, open_encoder("static", threads=1), **sizes)
    bed = read_bed(args.work, engine, **sizes)
    tower = StaticTower()
    queries = [group.query for group in (*bed.train, *bed.dev, *bed.test, *bed.slips)]
    slips = [one.query for seed in range(1, args.seeds + 1) for one in folds(bed, seed)[1].train]
    tower.prepare([*queries, *slips, *bed.texts.values(), *bed.copies.values()])
    url = f"embedded:{args.work / 'index'}"
    with shop_to_learn(load_settings(), engine_url=url, catalogue=None) as (_, annotating):
        bench = Bench(tower, bed.texts, sorted(bed.texts), args.work, "static", annotating)
        arms = trained(bench, bed, args)
    found = summary(arms, bed, sorted(bed.texts))
    found["annotator"] = annotator_figures(args.work / "annotated-0.jsonl", bed)
    found["mining"] = [json.loads(line) for line in dict.fromkeys((args.work / "mined.jsonl").read_text().splitlines())]
    found["mask"] = [json.loads(file.read_text()) for file in sorted(args.work.glob("seed-*/InfoNCE_with_mask.json"))]
    sys.stderr.write(tables(found) + "\n")
    settings = {key: value for key, value in vars(args).items() if key not in ("work", "out")}
    write_result("dense-bed", {"settings": settings, "epochs": EPOCHS, **found}, args.out)


if __name__ == "__main__":
    main()
