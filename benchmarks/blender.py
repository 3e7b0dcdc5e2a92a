"""What the blender is worth on the Icecat judgments, by five-fold cross-validation over queries.

    python -m benchmarks.blender --engine embedded:.multirecall/quality/icecat-onnx

Indexes the catalogue if the engine holds none, learns the rewriters' words from it (from no judgment), asks the routes
once, and then compares on the same candidates:

- the blender with every route alone, RRF, and WeightedSum with default and with tuned weights, per class of query;
- the blender that reads the queries' rewritings with one that never had any, and what it is without them at query time;
- the loss when a route, or the rewritings, are missing at query time, trained with and without dropout;
- negative controls: grades shuffled within their query; trained on judged candidates only;
- newly judged products: trained with half of the judged products of each query hidden, scored with all of them;
- what `cut=tail` leaves of the first ten and of the first hundred, the threshold learned from the other folds;
- the time of features, trees and all on one core, for 300 candidates, with products read before and not.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.built import build_rewriters, ensure_index
from benchmarks.measure import quantiles_ms, write_result
from benchmarks.paired import paired, paired_table
from multirecall.core.ranking import Ranking
from multirecall.engines.analysis import terms
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.paired_test import bootstrap_interval, randomisation_test
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.evaluation.report import EvaluationReport
from multirecall.fusion.blender import Blender
from multirecall.fusion.blender_model import BlenderModel
from multirecall.fusion.calibration import cut_of
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.term_statistics import TermStatistics
from multirecall.training.blender.collecting import JudgedPool, collect, count_terms
from multirecall.training.blender.cross_validation import (
    Fold,
    Scored,
    best_baseline,
    blended_run,
    cross_validate,
    fit,
    score,
    systems,
)
from multirecall.training.blender.examples import REWRITINGS, Featuriser
from multirecall.training.blender.growing import Growing
from multirecall.training.blender.training import calibrated
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings, load_settings

Taken = dict[str, dict[str, list[float]]]

MEASURE = NDCG(k=10)
PARTS = ("quality", "rewritings", "dropout", "controls", "new", "cut", "time")


def collected(
    settings: Settings, queries: Sequence[JudgedQuery], judgments: Judgments, candidates: int
) -> tuple[list[JudgedPool], TermStatistics, str]:
    with opened_searcher(settings, fusion="weighted_sum", candidates=candidates, rewritings=True) as opened:
        pools = collect(opened.searcher, queries, judgments)
        counted = count_terms(opened.engine.scan(["match_text"], index=opened.index.name))
        return pools, counted, opened.index.schema.language


def without_rewritings(pools: Sequence[JudgedPool]) -> list[JudgedPool]:
    return [replace(pool, query=replace(pool.query, rewritings=())) for pool in pools]


def figures(scored: Sequence[Scored], pools: Sequence[JudgedPool]) -> np.ndarray:
    """nDCG@10 by all judgments, queries in the order of their ids."""
    grades = {pool.qid: pool.grades for pool in pools}
    return np.array(
        [MEASURE(one.ranked, grades[one.example.qid]) for one in sorted(scored, key=lambda one: one.example.qid)]
    )


def difference(new: np.ndarray, old: np.ndarray) -> dict[str, float]:
    interval = bootstrap_interval(new - old)
    test = randomisation_test(new - old)
    return {
        "old": round(float(old.mean()), 4),
        "new": round(float(new.mean()), 4),
        "difference": round(float((new - old).mean()), 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "p": round(test.p_two_sided, 5),
    }


def shuffled(pools: Sequence[JudgedPool], seed: int) -> list[JudgedPool]:
    """The judged products of each query with their grades dealt out anew."""
    random = np.random.default_rng(seed)
    return [
        replace(pool, grades=dict(zip(pool.grades, random.permutation(list(pool.grades.values())), strict=True)))
        for pool in pools
    ]


def half_judged(pools: Sequence[JudgedPool], seed: int) -> list[JudgedPool]:
    """Every second judged product of each query hidden; one relevant product stays."""
    random = np.random.default_rng(seed)
    halved = []
    for pool in pools:
        best = max(pool.grades, key=lambda name: pool.grades[name])
        halved.append(
            replace(pool, grades={n: g for n, g in pool.grades.items() if n == best or random.random() < 0.5})
        )
    return halved


def compared(folds: Sequence[Fold], scored: Sequence[Scored]) -> EvaluationReport:
    """Against the best of the single routes and fixed fusions."""
    pools = [pool for fold in folds for pool in fold.test]
    judgments = Judgments(grades={pool.qid: pool.grades for pool in pools})
    runs = systems(folds, scored)
    baseline = best_baseline(runs, pools)
    return evaluate(runs, [p.judged for p in pools], judgments, ("nDCG@10", "R@100"), ["class"], baseline=baseline)


def markdown(report: EvaluationReport) -> str:
    """The table of docs/results/blender.md."""
    classes = [row.value for row in report.segments]
    lines = [
        f"| system | nDCG@10 | condensed | worst to best | R@100 | judged@10 | {' | '.join(classes)} |",
        "|---|" + "---|" * (5 + len(classes)),
    ]
    for system in report.systems:
        main, recall = report.overall.figure(system, "nDCG@10"), report.overall.figure(system, "R@100")
        cells = [
            f"{main.mean:.3f}",
            f"{main.under['condensed']:.3f}",
            f"{main.under['worst']:.3f} to {main.under['best']:.3f}",
            f"{recall.mean:.3f}",
            f"{main.judged:.3f}",
            *(f"{row.figure(system, 'nDCG@10').mean:.3f}" for row in report.segments),
        ]
        lines.append(f"| {system} | {' | '.join(cells)} |")
    comparisons = [(row.value, row.comparison("blender", "nDCG@10")) for row in (report.overall, *report.segments)]
    lines += ["", f"| segment | blender minus {report.baseline} | 95% interval | p (Holm) |", "|---|---|---|---|"]
    lines += [
        f"| {value} | {c.difference:+.3f} | {c.ci.low:+.3f} to {c.ci.high:+.3f} | {c.p_holm:.4f} |"
        for value, c in comparisons
        if c is not None
    ]
    return "\n".join(lines)


def cut_tails(folds: Sequence[Fold], scored: Sequence[Scored], depth: int, grade: float = 2.0) -> dict[str, float]:
    """What cutting the tail takes from the first `depth` products of every query, and what of it was relevant.

    Each fold's probabilities and threshold are learned from the scores of the other folds.
    """
    by_qid = {one.example.qid: one for one in scored}
    kept, lost = [], []
    for fold in folds:
        inside = {pool.qid for pool in fold.test}
        learned = calibrated([one for one in scored if one.example.qid not in inside], grade)
        for pool in fold.test:
            one = by_qid[pool.qid]
            order = np.argsort(-one.scores, kind="stable")[:depth]
            end = max(1, cut_of(learned.choice.calibration(one.scores[order]), learned.tail_cut.threshold))
            relevant = one.example.grades[order] >= grade
            shown = [one.example.ids[at] for at in order]
            kept.append((end, relevant[:end].sum(), MEASURE(shown[:end], pool.grades)))
            lost.append((len(order) - end, relevant[end:].sum(), MEASURE(shown, pool.grades)))
    n_kept, relevant_kept, ndcg_cut = np.array(kept).T
    n_lost, relevant_lost, ndcg = np.array(lost).T
    figures = {
        "lists cut": (n_lost > 0).mean(),
        "shown": (n_kept + n_lost).mean(),
        "shown when cut": n_kept.mean(),
        "precision": (relevant_kept + relevant_lost).sum() / (n_kept + n_lost).sum(),
        "precision when cut": relevant_kept.sum() / n_kept.sum(),
        "precision of what is cut": relevant_lost.sum() / n_lost.sum(),
        "relevant kept": relevant_kept.sum() / (relevant_kept + relevant_lost).sum(),
        "nDCG@10": ndcg.mean(),
        "nDCG@10 when cut": ndcg_cut.mean(),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def of_size(pool: JudgedPool, n: int) -> JudgedPool:
    """The pool with its lists cut at the depth at which they have `n` candidates together, or one or two less."""
    lists = [[hit.id for hit in ranking.hits] for ranking in pool.rankings]
    depth = max(map(len, lists), default=0)
    while depth and len({name for one in lists for name in one[:depth]}) > n:
        depth -= 1
    return replace(pool, rankings=tuple(replace(ranking, hits=ranking.hits[:depth]) for ranking in pool.rankings))


def timing(model: BlenderModel, pools: Sequence[JudgedPool], language: str) -> dict[str, Any]:
    """Milliseconds per query, as the wall clock says and as the processor (beside other work, the latter counts).

    `running`: all products of the pools were read before, by these and the other queries, as in a service that has run
    for a while; `best of five`: the same, of each query the quickest of five turns of all, which leaves out what
    the machine did beside it; `started`: each query for the first time, in order, with nothing read at the start;
    `cold`: no product was ever read, for every query. `all` is what the blender does between the routes' answers and
    its own.
    """
    gc.collect()
    gc.freeze()  # the pools of all queries are alive here, as they never are in a server: not the collector's work
    analyse = partial(terms, language=language)
    running = Blender(model=model, analyse=analyse, name="benchmark")
    sizes = [len(running.pool(pool.rankings, pool.query)) for pool in pools]
    started = _timed(running, pools)
    turns = [_timed(running, pools) for _ in range(5)]
    cold = _timed(running, pools, lambda: Blender(model=model, analyse=analyse, name="benchmark"))
    return {
        "candidates": int(np.median(sizes)),
        "started": _summed_up([started]),
        "running": _summed_up(turns[:1]),
        "best of five": _summed_up(turns),
        "cold": _summed_up([cold]),
    }


def _summed_up(turns: Sequence[Taken]) -> dict[str, dict[str, dict[str, float]]]:
    """Quantiles over the queries, of each its quickest turn; the first five warm up."""
    return {
        clock: {part: quantiles_ms(np.min([turn[clock][part] for turn in turns], axis=0)[5:]) for part in of}
        for clock, of in turns[0].items()
    }


def _timed(blender: Blender, pools: Sequence[JudgedPool], anew: Callable[[], Blender] | None = None) -> Taken:
    """Seconds of each query, by clock and part."""
    clocks = {"wall": time.perf_counter, "processor": time.thread_time}
    taken: dict[str, dict[str, list[float]]] = {name: {"all": [], "features": [], "trees": []} for name in clocks}
    for pool in pools:
        fused_with, rankings = anew() if anew else blender, [_delivered(ranking) for ranking in pool.rankings]
        began = {name: clock() for name, clock in clocks.items()}
        fused_with(rankings, 10, pool.query)
        done = {name: clock() for name, clock in clocks.items()}
        parts = anew() if anew else blender
        rankings = [_delivered(ranking) for ranking in pool.rankings]
        again = {name: clock() for name, clock in clocks.items()}
        matrix = parts.model.features.matrix(parts.pool(rankings, pool.query), wanted=parts.model.used)
        made = {name: clock() for name, clock in clocks.items()}
        parts.model.scores(matrix)
        for name, clock in clocks.items():
            taken[name]["trees"].append(clock() - made[name])
            taken[name]["all"].append(done[name] - began[name])
            taken[name]["features"].append(made[name] - again[name])
    return taken


def _delivered(ranking: Ranking) -> Ranking:
    """The same with texts of its own, as they come from an engine: nothing is known of them yet, not even a hash."""
    hits = tuple(
        hit._replace(
            fields={
                name: value.encode().decode() if isinstance(value, str) else value for name, value in hit.fields.items()
            }
        )
        for hit in ranking.hits
    )
    return replace(ranking, hits=hits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--rewriter-dir", type=Path, default=Path(".multirecall/quality/rewriters"))
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    wanted = set(options.only or PARTS)
    ensure_index(options.engine, options.data)
    build_rewriters(options.engine, options.rewriter_dir)
    settings = load_settings(engine=options.engine, rewriter_dir=options.rewriter_dir)
    queries = read_queries(options.data / "queries.tsv")
    judgments = read_judgments(options.data / "judgments.tsv")
    pools, counted, language = collected(settings, queries, judgments, options.candidates)
    routes = tuple(sorted({r.route for pool in pools for r in pool.rankings}))
    features = FeatureSet(routes=routes, rewritings=True)
    new_featuriser = partial(Featuriser, analyse=partial(terms, language=language), terms=counted, language=language)
    featuriser = new_featuriser(features=features)
    growing = Growing(seed=options.seed)
    result: dict[str, Any] = {"growing": growing.to_dict(), "queries": len(pools), "features": len(features.names)}

    def validated(some: Sequence[JudgedPool], how: Growing = growing, by: Featuriser = featuriser) -> list[Fold]:
        print(f"# growing: {how}", file=sys.stderr, flush=True)
        return cross_validate(some, by, how, seed=options.seed)

    folds = validated(pools) if wanted - {"time"} else []
    scored = score(folds, featuriser)
    ours = figures(scored, pools) if scored else np.empty(0)
    if "quality" in wanted:
        report = compared(folds, scored)
        print(markdown(report) + "\n", file=sys.stderr, flush=True)
        result["quality"] = asdict(report.overall)
        result["classes"] = [asdict(row) for row in report.segments]
        found = calibrated(scored, 2.0)
        result["calibration"] = {
            "kind": found.choice.kind,
            "ece": found.reliability.ece,
            "brier": found.reliability.brier,
            "separation": asdict(found.separation),
        }
    if "rewritings" in wanted:
        never = new_featuriser(features=FeatureSet(routes=routes))
        before = score(validated(without_rewritings(pools), by=never), never)
        report = paired(blended_run(before), blended_run(scored), pools)
        print(f"\n### with rewritings\n\n{paired_table(report)}\n", file=sys.stderr, flush=True)
        absent = difference(figures(score(folds, featuriser, without=(REWRITINGS,)), pools), figures(before, pools))
        result["rewritings"] = {
            "overall": asdict(report.overall),
            "classes": [asdict(row) for row in report.segments],
            "none at query time": absent,
        }
    if "cut" in wanted:
        result["cut=tail"] = {str(depth): cut_tails(folds, scored, depth) for depth in (10, 100)}
    if "dropout" in wanted:
        plain = validated(pools, replace(growing, dropout=0.0))
        result["dropout"] = {"none": difference(ours, figures(score(plain, featuriser), pools))}
        for left_out in (*routes, REWRITINGS):
            with_it = figures(score(folds, featuriser, without=(left_out,)), pools)
            without_it = figures(score(plain, featuriser, without=(left_out,)), pools)
            result["dropout"][f"without {left_out}"] = difference(with_it, without_it)
    if "controls" in wanted:
        mixed = shuffled(pools, options.seed)
        untrained = np.array(
            [MEASURE([h.id for h in f.weighted_sum(p.rankings, 10).hits], p.grades) for f in folds for p in f.test]
        )
        control = figures(score(validated(mixed), featuriser), pools)
        judged_only = figures(score(validated(pools, replace(growing, unjudged_weight=0.0)), featuriser), pools)
        result["controls"] = {
            "shuffled grades": {"new": round(float(control.mean()), 4), "tuned sum": round(float(untrained.mean()), 4)},
            "judged rows alone": difference(judged_only, ours),
        }
    if "new" in wanted:
        half = validated(half_judged(pools, options.seed))
        result["half of the judgments hidden"] = difference(figures(score(half, featuriser), pools), ours)
    if "time" in wanted:
        booster, _ = fit(pools, featuriser, growing)
        model = BlenderModel(features=features, booster=booster, terms=counted, language=language)
        wide, _, _ = collected(settings, queries, judgments, 300)
        result["trees"] = booster.num_trees()
        result["time"] = {
            f"{options.candidates} a route": timing(model, pools, language),
            "300 in all": timing(model, [of_size(pool, 300) for pool in wide], language),
        }
    write_result("blender", result, options.out)


if __name__ == "__main__":
    main()
