"""What a trained encoder does to the blended result, on Icecat: the routes lexical and dense, the latter by each arm.

    nice -n 10 python -m benchmarks.dense_blended --work /tmp/dense --base static --seeds 3 --arms untrained ROAR

Reads what `benchmarks.dense` left in the work folder: the 100 nearest products of each query, by the encoder of the
fold that the query was held out of. The folds of the blender (and of the tuned weighted sum) are the same ones: it
learns from the other folds' queries, each with the dense list of an encoder that never saw that query either. So
nothing of a query helps to score it, and the trees see dense scores as they will be for new queries, not as they are
for those that the encoder knows by heart.

What is left: those other encoders did see the judgments of the fold that is scored. With `--nested` (static: some 15 s
for each of ten) the arms have one for each pair of folds as well, which saw neither, and the blender learns from those.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.blender import MEASURE, collected, difference, without_rewritings
from benchmarks.dense import ARMS, Bench, Fold, judged_folds, kept_file, say
from benchmarks.dense_figures import Snapshot
from benchmarks.measure import write_result
from multirecall.core.ranking import FieldValue, Ranking, ScoreKind, ranked_hits
from multirecall.engines.analysis import terms
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.measures.recall import Recall
from multirecall.evaluation.queries import read_queries
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.pool import POOL_FIELDS
from multirecall.training.blender import cross_validation
from multirecall.training.blender.baselines import tuned_weighted_sum
from multirecall.training.blender.collecting import JudgedPool
from multirecall.training.blender.examples import Featuriser
from multirecall.training.blender.growing import Growing
from multirecall.training.blender.learning import grow
from multirecall.training.dense.static_tower import StaticTower
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.graded.splits import deal_groups
from multirecall.wiring.encoder_training import catalogue_texts
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

CONDENSED = "condensed nDCG@10"
FIGURES = ("nDCG@10", CONDENSED, "judged@10", "R@100")
"""Condensed: products that nobody judged left out. Pools are made of what untrained encoders found: a trained one puts
products first that nobody was asked about."""

Nearest = Mapping[str, Sequence[tuple[str, float]]]
"""By a query's text, product ids and cosines."""


def nearest(groups: Sequence[GradedGroup], tops: np.ndarray, cosines: np.ndarray, ids: Sequence[str]) -> Nearest:
    return {
        group.query: [(ids[at], float(cosine)) for at, cosine in zip(row, near, strict=True)]
        for group, row, near in zip(groups, tops, cosines, strict=True)
    }


def cross_fitted(args: argparse.Namespace, arm: str, seed: int, folds: Sequence[Fold], ids: Sequence[str]) -> Nearest:
    """Each query by the encoder that it was held out of."""
    out: dict[str, Sequence[tuple[str, float]]] = {}
    for number, fold in enumerate(folds):
        kept = Snapshot.load(kept_file(args.work, args.base, seed, number, arm))
        out |= nearest(fold.test, kept.tops, kept.cosines, ids)
    return out


def nested(bench: Bench, arm: str, seed: int, folds: Sequence[Fold]) -> Mapping[frozenset[int], Nearest]:
    """By two folds, their queries by an encoder that saw neither of them."""
    out = {}
    for pair in combinations(range(len(folds)), 2):
        number = 10 * (1 + pair[0]) + pair[1]
        kept = kept_file(bench.work, f"{bench.base}-nested", seed, number, arm)
        tests = [group for at in pair for group in folds[at].test]
        if not kept.exists():
            rest = [group for at, fold in enumerate(folds) if at not in pair for group in fold.test]
            dev, *parts = deal_groups(rest, 10, seed=number)
            train = [group for part in parts for group in part]
            fold = Fold(train=train, dev=dev, test=tests, three=folds[0].three)
            bench.course(number, seed, ARMS[arm](bench, fold, number, seed))
            kept.parent.mkdir(parents=True, exist_ok=True)
            bench.snapshot(fold).save(kept)
            bench.forget()
            say(f"seed {seed}, without folds {pair}, {arm}")
        found = Snapshot.load(kept)
        out[frozenset(pair)] = nearest(tests, found.tops, found.cosines, bench.ids)
    return out


def with_dense(pool: JudgedPool, found: Nearest, stored: Mapping[str, Mapping[str, FieldValue]]) -> JudgedPool:
    """The pool with this dense list in the place of its own."""
    hits = ranked_hits((name, score, stored[name]) for name, score in found[pool.judged.text])
    others = [ranking for ranking in pool.rankings if ranking.route != "dense"]
    return replace(pool, rankings=(*others, Ranking(route="dense", kind=ScoreKind.COSINE, hits=hits)))


def blended(
    folds: Sequence[Fold],
    pools_of: Callable[[int], Mapping[str, JudgedPool]],
    featuriser: Featuriser,
    growing: Growing,
) -> dict[str, dict[str, list[str]]]:
    """The first 100 of each query by system; `pools_of(fold)` are all pools by id, as they are when it is scored."""
    out: dict[str, dict[str, list[str]]] = {}
    for number, fold in enumerate(folds):
        texts = {group.query for group in fold.test}
        pools = pools_of(number).values()
        train = [pool for pool in pools if pool.judged.text not in texts]
        test = tuple(pool for pool in pools if pool.judged.text in texts)
        booster = grow(cross_validation.examples_of(train, featuriser, growing), featuriser.features, growing)
        learned = cross_validation.Fold(
            test=test, booster=booster, rounds=growing.rounds, weighted_sum=tuned_weighted_sum(train)
        )
        say(f"fold {number}: weights {dict(learned.weighted_sum.weights)}")
        runs = cross_validation.systems([learned], cross_validation.score([learned], featuriser))
        for name, run in runs.items():
            out.setdefault(name, {}).update({pool.qid: list(run[pool.qid]) for pool in test})
    return out


def figures_of(run: Mapping[str, Sequence[str]], pools: Sequence[JudgedPool]) -> dict[str, np.ndarray]:
    """Of each query, shape (queries,)."""
    recall = Recall(k=100, min_grade=2.0)
    rows = []
    for pool in pools:
        found = run[pool.qid]
        known = [name for name in found if name in pool.grades]
        rows.append(
            (
                MEASURE(found, pool.grades),
                MEASURE(known, pool.grades),
                np.mean([name in pool.grades for name in found[:10]]) if found else 1.0,
                recall(found, pool.grades) if recall.is_defined(pool.grades) else np.nan,
            )
        )
    return dict(zip(FIGURES, np.array(rows).T, strict=True))


def moved(new: np.ndarray, old: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    """Overall and by class."""
    known = ~np.isnan(new)
    some = {"all": known} | {one: known & (classes == one) for one in sorted({*classes.tolist()})}
    return {one: {"queries": int(at.sum()), **difference(new[at], old[at])} for one, at in some.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="what benchmarks.dense was given")
    parser.add_argument("--base", choices=("static", "onnx"), default="static")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=["untrained", "ROAR"])
    parser.add_argument("--nested", action="store_true")
    parser.add_argument("--dropout", type=float, default=0.0, help="of the blender: 0 takes a third of the time")
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings = load_settings(engine=args.engine)
    queries, judgments = read_queries(args.data / "queries.tsv"), read_judgments(args.data / "judgments.tsv")
    found, counted, language = collected(settings, queries, judgments, 100)
    pools = [
        replace(pool, rankings=tuple(r for r in pool.rankings if r.route in ("lexical", "dense")))
        for pool in without_rewritings(found)
    ]
    with opened_engine(settings, args.engine) as engine:
        texts = catalogue_texts(engine)
        stored = {
            str(row["id"]): {name: _stored(row.get(name)) for name in POOL_FIELDS} for row in engine.scan(POOL_FIELDS)
        }
    ids, folds = sorted(texts), judged_folds(args.data, texts, 5)
    featuriser = partial(
        Featuriser,
        features=FeatureSet(routes=("dense", "lexical")),
        analyse=partial(terms, language=language),
        terms=counted,
        language=language,
    )
    fold_of = {group.query: number for number, fold in enumerate(folds) for group in fold.test}

    def pools_of(arm: str, seed: int) -> Callable[[int], Mapping[str, JudgedPool]]:
        plain = cross_fitted(args, arm, seed, folds, ids)
        own = {pool.qid: with_dense(pool, plain, stored) for pool in pools}
        if not args.nested or arm == "untrained":
            return lambda number: own
        tower = StaticTower()
        tower.prepare([*fold_of, *texts.values()])
        pairs = nested(Bench(tower, texts, ids, args.work, args.base), arm, seed, folds)

        def of_fold(number: int) -> Mapping[str, JudgedPool]:
            places = {pool.qid: fold_of[pool.judged.text] for pool in pools}
            return {
                pool.qid: own[pool.qid]
                if places[pool.qid] == number
                else with_dense(pool, pairs[frozenset((number, places[pool.qid]))], stored)
                for pool in pools
            }

        return of_fold

    pools.sort(key=lambda pool: pool.qid)
    figures: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for arm in args.arms:
        by_seed = []
        for seed in range(1, (1 if arm == "untrained" else args.seeds) + 1):
            kept = kept_file(args.work, f"{args.base}-{'nested' if args.nested else 'blended'}", seed, 0, arm)
            runs_file = kept.with_suffix(".json")
            if not runs_file.exists():
                say(f"{arm}, seed {seed}")
                runs = blended(folds, pools_of(arm, seed), featuriser(), Growing(dropout=args.dropout))
                runs_file.parent.mkdir(parents=True, exist_ok=True)
                runs_file.write_text(json.dumps(runs))
            runs = json.loads(runs_file.read_text())
            by_seed.append({name: figures_of(run, pools) for name, run in runs.items()})
        figures[arm] = {
            name: {key: np.mean([one[name][key] for one in by_seed], axis=0) for key in FIGURES} for name in by_seed[0]
        }
    classes = np.array([pool.judged.columns["class"] for pool in pools])
    first, *rest = args.arms
    result = {
        "settings": {key: str(value) for key, value in vars(args).items()},
        "means": {
            arm: {name: {key: round(float(np.nanmean(of[key])), 4) for key in FIGURES} for name, of in found.items()}
            for arm, found in figures.items()
        },
        "against": {
            arm: {
                name: {key: moved(of[key], figures[first][name][key], classes) for key in FIGURES}
                for name, of in figures[arm].items()
            }
            for arm in rest
        },
        "blender against tuned sum": {
            arm: moved(found["blender"][CONDENSED], found["WeightedSum tuned"][CONDENSED], classes)
            for arm, found in figures.items()
        },
    }
    sys.stderr.write(table(result) + "\n")
    write_result(f"dense-blended-{args.base}", result, args.out)


def _stored(value: Any) -> FieldValue:
    return tuple(value) if isinstance(value, list) else value


def table(result: Mapping[str, Any]) -> str:
    """Markdown: systems by arm, then the blender's differences by class."""
    first = next(iter(result["means"]))
    lines = [f"| arm | system | {' | '.join(FIGURES)} | {FIGURES[0]} to {first} | {CONDENSED} |", "|---" * 8 + "|"]
    for arm, systems in result["means"].items():
        for name, means in systems.items():
            found = result["against"].get(arm, {}).get(name)
            shown = ["", ""] if found is None else [_shown(found[key]["all"]) for key in (FIGURES[0], CONDENSED)]
            lines.append(
                f"| {arm} | {name} | {' | '.join(f'{means[key]:.3f}' for key in FIGURES)} | {' | '.join(shown)} |"
            )
    for arm, found in result["against"].items():
        lines += ["", f"| {arm}, blender | queries | {FIGURES[0]} | {CONDENSED} |", "|---|---|---|---|"]
        for one, of in found["blender"][CONDENSED].items():
            lines.append(f"| {one} | {of['queries']} | {_shown(found['blender'][FIGURES[0]][one])} | {_shown(of)} |")
    return "\n".join(lines)


def _shown(of: Mapping[str, float]) -> str:
    return f"{of['difference']:+.3f} ({of['low']:+.3f} to {of['high']:+.3f})"


if __name__ == "__main__":
    main()
