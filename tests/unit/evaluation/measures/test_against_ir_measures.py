"""Every measure that ir-measures has, on random runs with ties, to 1e-9."""

from __future__ import annotations

from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multirecall.core.ranking import ranked_hits
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import judged_share, open_measure, score_run
from multirecall.evaluation.runs import RunWriter

GAINS = {grade: 2**grade - 1 for grade in range(6)}
PRODUCTS = [f"p{at:02d}" for at in range(40)]

scored = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(-3, 3).map(lambda n: n / 2), max_size=30)
graded = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(0, 3), min_size=1, max_size=25)
names = st.one_of(
    st.builds("{}(rel={})@{}".format, st.sampled_from(["P", "R", "RR", "AP"]), st.integers(1, 3), st.integers(1, 35)),
    st.builds("{}(rel={})".format, st.sampled_from(["RR", "AP", "Bpref"]), st.integers(1, 3)),
    st.builds("nDCG@{}".format, st.integers(1, 35)),
)


def by_ir_measures(name: str, grades: dict[str, int], run: dict[str, float]) -> float:
    """Product ids are renamed so that descending order, by which trec_eval breaks ties, is our ascending order."""
    measure = ir_measures.parse_measure(name)
    if name.startswith("nDCG"):
        measure = measure(gains=GAINS)
    renamed = {product_id: f"p{len(PRODUCTS) - at:02d}" for at, product_id in enumerate(PRODUCTS)}
    qrels = {"q": {renamed[product_id]: grade for product_id, grade in grades.items()}}
    found = list(ir_measures.iter_calc([measure], qrels, {"q": {renamed[p]: score for p, score in run.items()}}))
    return found[0].value if found else 0.0  # no figure: the run holds nothing for the query


@settings(max_examples=250, deadline=None)
@given(scores=scored, grades=graded, name=names)
def test_random_runs_with_ties_agree(scores: dict[str, float], grades: dict[str, int], name: str) -> None:
    measure = open_measure(name)
    ranked = [hit.id for hit in ranked_hits(scores.items())]
    figures = score_run({"q": ranked}, Judgments(grades={"q": grades}), ["q"], measure)
    if not figures.values:
        assert not any(grade >= measure.min_grade for grade in grades.values())
        return
    if name.startswith("RR") and "@" in name:  # its evaluator of RR@k does not break ties by id
        scores = {product_id: float(len(ranked) - at) for at, product_id in enumerate(ranked)}
    assert figures.values["q"] == pytest.approx(by_ir_measures(name, grades, scores), abs=1e-9)
    if ranked and measure.k:
        expected = by_ir_measures(f"Judged@{measure.k}", grades, {p: -float(at) for at, p in enumerate(ranked)})
        assert judged_share(ranked, grades, measure.k) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_a_run_file_with_ties_means_the_same_to_other_tools(seed: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(seed)
    runs, judged = {}, {}
    for at in range(3):
        ids = draw.permutation(PRODUCTS)[:25]
        hits = ranked_hits((str(p), float(s)) for p, s in zip(ids, draw.integers(0, 4, 25), strict=True))
        runs[f"q{at}"] = [(hit.id, hit.score) for hit in hits]
        judged[f"q{at}"] = {str(p): int(g) for p, g in zip(ids[::2], draw.integers(0, 4, 13), strict=True)} | {"x": 2}
    path = tmp_path / "ties.trec"
    with RunWriter(path, "ties") as writer:
        for qid, hits in runs.items():
            writer.write(qid, hits)
    for name in ("nDCG@10", "AP", "RR", "R@20", "P@5", "Bpref"):
        measure = ir_measures.parse_measure(name)
        outside = measure(gains=GAINS) if name.startswith("nDCG") else measure
        theirs = {
            found.query_id: found.value
            for found in ir_measures.iter_calc([outside], judged, list(ir_measures.read_trec_run(str(path))))
        }
        ranked = {qid: [product_id for product_id, _ in hits] for qid, hits in runs.items()}
        ours = score_run(ranked, Judgments(grades=judged), runs, open_measure(name))
        assert ours.values == pytest.approx(theirs, abs=1e-9)
