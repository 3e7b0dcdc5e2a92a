"""What the route `rewrite` adds on the Icecat judgments, and what it costs a search.

    python -m benchmarks.rewriting --engine embedded:.multirecall/quality/icecat-onnx

Indexes the catalogue if the engine holds none, learns the rewriters' words from it, asks the routes once, and compares
on the same candidates, routes lexical and dense against lexical, dense and rewrite:

- by WeightedSum with equal weights, with weights tuned on the training folds, and by the five-fold blender: nDCG@10 and
  R@100 per class of query with paired bootstrap intervals, the condensed figure, and the share of judged products;
- the relevant products that the route alone found, per class and by which rewriter;
- the ways to merge rewritings, and the options of the route (`variants`);
- the time of a search without the route and with it (with a language model: `benchmarks.model_rewriter`).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.built import build_rewriters, ensure_index
from benchmarks.measure import quantiles_ms, write_result
from benchmarks.paired import Run, paired, paired_table
from multirecall.engines.analysis import terms
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.term_statistics import TermStatistics
from multirecall.fusion.weighted_sum import WeightedSum
from multirecall.recall.rewrite import RewriteRoute
from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriters.opening import open_rewriters
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand
from multirecall.training.blender.baselines import run_by, tuned_weighted_sum
from multirecall.training.blender.collecting import JudgedPool, collect, count_terms
from multirecall.training.blender.cross_validation import blended_run, cross_validate, score
from multirecall.training.blender.examples import Featuriser
from multirecall.training.blender.folds import deal
from multirecall.training.blender.growing import Growing
from multirecall.wiring.searchers import OpenSearcher, opened_searcher
from multirecall.wiring.settings import Settings, load_settings

ROUTE, ROUTES = "rewrite", "lexical,dense,rewrite"
RELEVANT = 2


def without_route(pools: Sequence[JudgedPool]) -> list[JudgedPool]:
    """As a search without rewriters: the blender has no rewriting to look at either."""
    return [
        replace(
            pool,
            query=replace(pool.query, rewritings=()),
            rankings=tuple(r for r in pool.rankings if r.route != ROUTE),
        )
        for pool in pools
    ]


def tuned_run(pools: Sequence[JudgedPool], seed: int) -> tuple[Run, list[Mapping[str, float]]]:
    """Each fold by the weights that were best on the others, and those weights."""
    parts = deal(pools, 5, seed=seed)
    run: dict[str, Sequence[str]] = {}
    weights: list[Mapping[str, float]] = []
    for at, part in enumerate(parts):
        fusion = tuned_weighted_sum([pool for other, rest in enumerate(parts) if other != at for pool in rest])
        run.update(run_by(fusion, part))
        weights.append(dict(fusion.weights or {}))
    return run, weights


def blender_run(pools: Sequence[JudgedPool], counted: TermStatistics, language: str, seed: int) -> Run:
    features = FeatureSet(
        routes=tuple(sorted({r.route for pool in pools for r in pool.rankings})),
        rewritings=any(pool.query.rewritings for pool in pools),
    )
    featuriser = Featuriser(
        features=features, analyse=partial(terms, language=language), terms=counted, language=language
    )
    print(f"# blender over {', '.join(features.routes)}", file=sys.stderr, flush=True)
    return blended_run(score(cross_validate(pools, featuriser, Growing(seed=seed), seed=seed), featuriser))


def quality(
    pools: Sequence[JudgedPool], counted: TermStatistics, language: str, seed: int, systems: Sequence[str]
) -> dict[str, Any]:
    plain, result = without_route(pools), dict[str, Any]()
    for name in systems:
        runs: tuple[Run, Run]
        if name == "WeightedSum":
            runs = run_by(WeightedSum(), plain), run_by(WeightedSum(), pools)
        elif name == "WeightedSum tuned":
            (before, _), (after, weights) = tuned_run(plain, seed), tuned_run(pools, seed)
            runs, result["weights"] = (before, after), weights
        else:
            runs = blender_run(plain, counted, language, seed), blender_run(pools, counted, language, seed)
        report = paired(*runs, pools)
        print(f"\n### {name}\n\n{paired_table(report)}", file=sys.stderr, flush=True)
        result[name] = {"overall": asdict(report.overall), "classes": [asdict(row) for row in report.segments]}
    return result


def uniquely_found(pools: Sequence[JudgedPool]) -> dict[str, Any]:
    """Relevant products that no other route has among its candidates; how many queries had a rewriting at all."""
    unique, relevant, rewritten, queries, by = [Counter[str]() for _ in range(5)]
    for pool in pools:
        kind = pool.judged.columns.get("class", "")
        good = {name for name, grade in pool.grades.items() if grade >= RELEVANT}
        others = {hit.id for r in pool.rankings if r.route != ROUTE for hit in r.hits}
        ranking = next(r for r in pool.rankings if r.route == ROUTE)
        queries[kind] += 1
        relevant[kind] += len(good)
        rewritten[kind] += bool(ranking.rewritings)
        for hit, place in zip(ranking.hits, ranking.brought_by, strict=True):
            if hit.id in good - others:
                unique[kind] += 1
                by[ranking.rewritings[place].by] += 1
    classes = {
        kind: {
            "queries": queries[kind],
            "rewritten": rewritten[kind],
            "relevant": relevant[kind],
            "unique": unique[kind],
        }
        for kind in sorted(queries)
    }
    return {"classes": classes, "by": dict(by.most_common()), "unique": sum(unique.values())}


def variants(
    opened: OpenSearcher,
    queries: Sequence[JudgedQuery],
    judgments: Judgments,
    pools: Sequence[JudgedPool],
    rewriter_dir: Path,
) -> dict[str, Any]:
    """Ways to merge and options, each against the route as it is, by WeightedSum with equal weights."""
    searcher = opened.searcher
    standing = next(route for route in searcher.routes if isinstance(route, RewriteRoute))
    chain = standing.rewriters
    repairs = replace(chain, alternatives=()) if isinstance(chain, RewriteChain) else chain
    apart = open_rewriters("parts", folder=rewriter_dir).alternatives
    with_parts = (
        replace(chain, alternatives=(*chain.alternatives, *apart)) if isinstance(chain, RewriteChain) else chain
    )
    usual = run_by(WeightedSum(), pools)
    changed = {
        "max": replace(standing, merge="max"),
        "parts": replace(standing, merge="parts"),
        "feedback 5": replace(standing, feedback=5),
        "and needs taken apart": replace(standing, rewriters=with_parts),
        "and needs taken apart, parts": replace(standing, rewriters=with_parts, merge="parts"),
        "words only": replace(standing, vector_field=None),
        "alternatives only where weak": replace(standing, rewriters=repairs, second=standing.rewriters),
    }
    result: dict[str, Any] = {}
    for name, route in changed.items():
        with Searcher(
            opened.engine,
            routes=[route if one.name == ROUTE else one for one in searcher.routes],
            fusion=searcher.fusion,
            encoders=searcher.encoders,
            index=opened.index.name,
        ) as other:
            found = collect(other, queries, judgments)
        report = paired(usual, run_by(WeightedSum(), found), pools)
        print(f"\n### {name}\n\n{paired_table(report)}", file=sys.stderr, flush=True)
        result[name] = {"overall": asdict(report.overall), "classes": [asdict(row) for row in report.segments]}
    return result


def cost(settings: Settings, queries: Sequence[JudgedQuery]) -> dict[str, Any]:
    """p50, p95 of `rank` in milliseconds; each query is asked of both in turn, after 20 to warm up."""
    asked = [understand(query.text) for query in queries]
    taken: dict[str, list[float]] = {"without": [], "with": [], "with, of rewritten queries": []}
    with (
        opened_searcher(settings, routes="lexical,dense", fusion="weighted_sum") as plain,
        opened_searcher(settings, routes=ROUTES, fusion="weighted_sum") as full,
    ):
        for at, query in enumerate([*asked[:20], *asked]):
            for name, searcher in (("without", plain.searcher), ("with", full.searcher)):
                began = time.perf_counter()
                answer = searcher.rank(query, 100)
                took_s = time.perf_counter() - began
                if at < 20:
                    continue
                taken[name].append(took_s)
                if answer.rankings[-1].rewritings:
                    taken["with, of rewritten queries"].append(took_s)
    return {name: quantiles_ms(np.array(of)) for name, of in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--rewriters", default=None, help="specification; default: that of the settings")
    parser.add_argument("--rewriter-dir", type=Path, default=Path(".multirecall/quality/rewriters"))
    parser.add_argument("--seed", type=int, default=7)
    systems = ("WeightedSum", "WeightedSum tuned", "blender")
    parser.add_argument("--systems", nargs="+", choices=systems, default=systems)
    parser.add_argument("--only", nargs="+", choices=("quality", "variants", "cost"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    wanted = set(options.only or ("quality", "variants", "cost"))
    ensure_index(options.engine, options.data)
    build_rewriters(options.engine, options.rewriter_dir)
    given = {"rewriters": options.rewriters} if options.rewriters else {}
    settings = load_settings(engine=options.engine, rewriter_dir=options.rewriter_dir, **given)
    queries = read_queries(options.data / "queries.tsv")
    judgments = read_judgments(options.data / "judgments.tsv")
    result: dict[str, Any] = {"rewriters": settings.rewriters}
    if wanted & {"quality", "variants"}:
        with opened_searcher(settings, routes=ROUTES, fusion="weighted_sum", rewritings=True) as opened:
            pools = collect(opened.searcher, queries, judgments)
            counted = count_terms(opened.engine.scan(["match_text"], index=opened.index.name))
            result |= {"queries": len(pools), "found": uniquely_found(pools)}
            print(f"# {result['found']}", file=sys.stderr, flush=True)
            if "quality" in wanted:
                language = opened.index.schema.language
                result["quality"] = quality(pools, counted, language, options.seed, options.systems)
            if "variants" in wanted:
                result["variants"] = variants(opened, queries, judgments, pools, options.rewriter_dir)
    if "cost" in wanted:
        result["cost"] = cost(settings, queries)
    write_result("rewriting", result, options.out)


if __name__ == "__main__":
    main()
