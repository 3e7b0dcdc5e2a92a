"""What the lists of words (languages, synonyms, knowledge) do to a search by themselves, per class of query.

    python -m benchmarks.word_lists --engine embedded:.multirecall/quality/icecat-onnx

Lexical and dense routes, WeightedSum. Each query is answered as it stands, replaced by its best rewriting, and fused
with it: a product gets the most that a text gives it, its fused score by the text's confidence (the query's own is 1).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.built import build_rewriters, ensure_index
from benchmarks.measure import write_result
from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.evaluation.report import EvaluationReport, SegmentRow
from multirecall.recall.rewriters.opening import open_rewriters
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings

MEASURES = ("nDCG@10", "R@100")
DEPTH = 100


class Answers:
    """Fused scores by product, the first of the list scaled to 1; each text is asked once."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._known: dict[str, Mapping[str, float]] = {}

    def __call__(self, query: Query) -> Mapping[str, float]:
        if query.text not in self._known:
            hits = self._searcher.rank(query, DEPTH, timeout_s=60).hits
            top = max((hit.score for hit in hits), default=1.0) or 1.0
            self._known[query.text] = {hit.id: hit.score / top for hit in hits}
        return self._known[query.text]


def ordered(scores: Mapping[str, float]) -> Sequence[str]:
    return sorted(scores, key=lambda name: (-scores[name], name))[:DEPTH]


def markdown(report: EvaluationReport, touched: Mapping[str, int]) -> str:
    lines = [
        "| class | queries | rewritten | nDCG@10 as it is | replaced | fused | R@100 as it is | replaced | fused |"
    ]
    lines.append("|---" * 9 + "|")
    return "\n".join([*lines, *(_line(row, touched) for row in (*report.segments, report.overall))])


def _line(row: SegmentRow, touched: Mapping[str, int]) -> str:
    cells = [row.value, str(row.figure("as it is", "nDCG@10").n), str(touched[row.value])]
    for measure in MEASURES:
        for system in ("as it is", "replaced", "fused"):
            cell = f"{row.figure(system, measure).mean or 0.0:.3f}"
            c = row.comparison(system, measure) if system == "fused" else None
            cells.append(cell if c is None else f"{cell} ({c.ci.low:+.3f} to {c.ci.high:+.3f})")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    data = Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--rewriters", nargs="+", default=["languages", "synonyms", "knowledge"])
    parser.add_argument("--rewriter-dir", type=Path, default=Path(".multirecall/quality/rewriters"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    ensure_index(options.engine, options.data)
    build_rewriters(options.engine, options.rewriter_dir)
    queries, judgments = read_queries(options.data / "queries.tsv"), read_judgments(options.data / "judgments.tsv")
    result: dict[str, Any] = {}
    with opened_searcher(load_settings(engine=options.engine), routes="lexical,dense", fusion="weighted_sum") as opened:
        answers = Answers(opened.searcher)
        for spec in options.rewriters:
            rewriters = open_rewriters(spec, folder=options.rewriter_dir)
            runs: dict[str, dict[str, Sequence[str]]] = {"as it is": {}, "replaced": {}, "fused": {}}
            touched: Counter[str] = Counter()
            for judged in queries:
                query = understand(judged.text)
                own = answers(query)
                said = rewriters.rewrite(query, Deadline.never())
                touched.update([judged.columns["class"], "all queries"] if said else [])
                fused = dict(own)
                for one in said:
                    for name, score in answers(understand(one.text)).items():
                        fused[name] = max(fused.get(name, 0.0), one.confidence * score)
                runs["as it is"][judged.qid] = ordered(own)
                runs["replaced"][judged.qid] = ordered(answers(understand(said[0].text)) if said else own)
                runs["fused"][judged.qid] = ordered(fused)
            report = evaluate(runs, queries, judgments, MEASURES, ["class"], baseline="as it is")
            result[spec] = markdown(report, touched)
            print(f"\n### {spec}\n\n{result[spec]}", file=sys.stderr, flush=True)
    write_result("word-lists", result, options.out)


if __name__ == "__main__":
    main()
