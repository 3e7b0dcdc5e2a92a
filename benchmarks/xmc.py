"""What a tree of linear classifiers over the words of queries finds (route `xmc`), on judged queries.

    python -m benchmarks.xmc --engine embedded:ICECAT --data ICECAT-FOLDER --name icecat --out benchmarks/results
    python -m benchmarks.xmc --engine embedded:bed-index --data bed --name bed --out benchmarks/results

Two trees: one of texts made of the catalogue alone; one that learned from judged queries (grade 2 and 3) too, of the
other folds, or of the splits train and dev where queries name a split. For both: Recall@100 alone, relevant products
that neither the lexical nor the dense route has among its 100, what a fusion by reciprocal ranks gains, and the tree's
own time per query, as time of the processor: what else runs beside it does not count.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import quantiles_ms, write_result
from benchmarks.paired import MEASURES, paired_table
from multirecall.core.ranking import Ranking
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.fusion.rrf import RRF
from multirecall.recall.xmc.route import XmcRoute
from multirecall.recall.xmc.tree import XmcTree
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand
from multirecall.training.graded.groups import GradedGroup, graded_groups
from multirecall.training.graded.scales import FOUR_GRADES
from multirecall.training.graded.splits import deal_groups
from multirecall.training.xmc.pairs import judged_pairs
from multirecall.training.xmc.shop import shop_pairs
from multirecall.training.xmc.training import XmcTraining
from multirecall.wiring.searchers import OpenSearcher, opened_searcher
from multirecall.wiring.settings import load_settings

Lists = Mapping[str, tuple[Ranking, ...]]
"""By query id, what each route found."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--name", default="icecat")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--beam", type=int, default=20)
    parser.add_argument("--pieces", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    queries, judgments = read_queries(args.data / "queries.tsv"), read_judgments(args.data / "judgments.tsv")
    result: dict[str, Any] = {"settings": {key: str(value) for key, value in vars(args).items()}}
    with opened_searcher(load_settings(engine=args.engine), routes="lexical,dense", fusion="rrf") as opened:
        pairs = list(shop_pairs(opened.engine, opened.index, pieces=args.pieces))
        groups = graded_groups(
            queries, judgments, catalogue={product for _, product in pairs}, scale=FOUR_GRADES
        ).groups
        asked = {query.qid: query for query in queries}
        training = XmcTraining(rounds=args.rounds)
        alone, figures = trained(training, pairs)
        tested = [asked[group.qid] for _, test in parts_of(groups, args.folds) for group in test]
        found, timed = lists(opened, alone, tested, args.beam)
        result["catalogue"] = {**figures, **timed, **judged(found, asked, judgments)}
        write_result(f"xmc_{args.name}", result, args.out)  # what follows takes several times as long
        of_folds: dict[str, tuple[Ranking, ...]] = {}
        for rest, test in parts_of(groups, args.folds):
            tree, figures = trained(training, [*pairs, *judged_pairs(rest)])
            part, timed = lists(opened, tree, [asked[group.qid] for group in test], args.beam)
            of_folds |= part
        if of_folds:
            result["with judged queries"] = {**figures, **timed, **judged(of_folds, asked, judgments)}
    write_result(f"xmc_{args.name}", result, args.out)


def parts_of(groups: Sequence[GradedGroup], folds: int) -> list[tuple[Sequence[GradedGroup], Sequence[GradedGroup]]]:
    """(Learned from, tested): by the column `split` if there is one, else in folds."""
    if all(group.columns.get("split") for group in groups):
        test = [group for group in groups if group.columns["split"] == "test"]
        return [([group for group in groups if group.columns["split"] != "test"], test)]
    dealt = deal_groups(groups, folds, seed=0)
    return [
        ([one for at, fold in enumerate(dealt) if at != number for one in fold], test)
        for number, test in enumerate(dealt)
    ]


def trained(training: XmcTraining, pairs: Sequence[tuple[str, str]]) -> tuple[XmcTree, dict[str, Any]]:
    started = time.process_time()
    tree = training.fit(pairs, language="english")
    figures = {
        "pairs": len(pairs),
        "train_cpu_s": time.process_time() - started,
        "nodes": [len(level.bias) for level in tree.levels],
        "weights": sum(len(level.weights) for level in tree.levels),
    }
    say(f"trained: {figures}")
    return tree, figures


def lists(
    opened: OpenSearcher, tree: XmcTree, queries: Sequence[JudgedQuery], beam: int
) -> tuple[dict[str, tuple[Ranking, ...]], dict[str, Any]]:
    """What lexical, dense and xmc find, and milliseconds of the tree alone."""
    route = XmcRoute(tree=tree, beam=beam)
    seconds = []
    for query in queries:
        started = time.thread_time()
        tree.best(understand(query.text).text, 100, beam=beam)
        seconds.append(time.thread_time() - started)
    with Searcher(
        opened.engine,
        routes=[*opened.searcher.routes, route],
        fusion=RRF(),
        encoders=opened.searcher.encoders,
        index=opened.index.name,
    ) as searcher:
        found = {query.qid: searcher.rank(understand(query.text), 100, timeout_s=60).rankings for query in queries}
    return found, {"tree_ms": quantiles_ms(np.array(seconds[1:]))}


def judged(found: Lists, asked: Mapping[str, JudgedQuery], judgments: Judgments) -> dict[str, Any]:
    fusion = RRF()
    queries = [asked[qid] for qid in found]
    runs: dict[str, dict[str, list[str]]] = {"xmc": {}, "lexical": {}, "dense": {}, "without": {}, "with": {}}
    for qid, rankings in found.items():
        for ranking in rankings:
            runs[ranking.route][qid] = [hit.id for hit in ranking.hits][:100]
        others = [ranking for ranking in rankings if ranking.route != "xmc"]
        runs["without"][qid] = [hit.id for hit in fusion(others, 100).hits]
        runs["with"][qid] = [hit.id for hit in fusion(rankings, 100).hits]
    judgments = replace(judgments, grades={qid: judgments.of(qid) for qid in found})
    relevant = {qid: {one for one, grade in judgments.of(qid).items() if grade >= 2} for qid in found}
    rows: dict[str, list[list[float]]] = {}
    for query in queries:
        good = relevant[query.qid]
        if good:
            row = [len(good & set(runs[name][query.qid])) / len(good) for name in ("lexical", "dense", "xmc")]
            others_found = {*runs["lexical"][query.qid], *runs["dense"][query.qid]}
            row += [len(good & set(runs["xmc"][query.qid]) - others_found), len(good), len(good & others_found)]
            for value in ("all", query.columns.get("class", "")):
                rows.setdefault(value, []).append(row)
    table = {
        value: {
            "queries": len(of),
            **dict(zip(("R@100 lexical", "R@100 dense", "R@100 xmc"), np.mean(of, axis=0)[:3].tolist(), strict=True)),
            **dict(zip(("only xmc", "relevant", "lexical or dense"), np.sum(of, axis=0)[3:].tolist(), strict=True)),
        }
        for value, of in rows.items()
    }
    for value, row in table.items():
        say(f"{value}: {row}")
    report = evaluate(
        {"without": runs["without"], "with": runs["with"]}, queries, judgments, MEASURES, ["class"], baseline="without"
    )
    print(paired_table(report), flush=True)
    overall = {m: report.overall.figure(s, m).mean for m in MEASURES for s in ("with",)}
    return {"routes": table, "fused_with": overall, "table": paired_table(report)}


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
