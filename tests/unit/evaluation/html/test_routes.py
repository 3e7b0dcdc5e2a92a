from __future__ import annotations

from multirecall.evaluation.html import render_routes_report
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.routes import RouteReport, value_routes
from multirecall.evaluation.routes.valuing import RouteRuns
from tests.unit.evaluation.html.test_rendering import NASTY, Page


def report(value: str = "head") -> RouteReport:
    queries = [JudgedQuery(qid=f"q{at}", text=f"{NASTY} {at}", columns={"class": value}) for at in range(12)]
    alone = {
        "lexical": {q.qid: ("a", "b") for q in queries},
        "dense": {q.qid: ("b", "c") if at % 2 else () for at, q in enumerate(queries)},
    }
    times = {"lexical": [1.0] * 12, "dense": [2.0] * 12}
    runs = RouteRuns(
        fusion="RRF(k=60)",
        fused={q.qid: ("a", "b", "c") for q in queries},
        alone=alone,
        without={"lexical": alone["dense"], "dense": alone["lexical"]},
        prepare_ms=times,
        engine_ms=times,
    )
    judgments = Judgments(grades={q.qid: {"a": 3.0, "b": 1.0, "c": 0.0} for q in queries})
    return value_routes(runs, queries, judgments, segments=["class"], rounds=200)


def test_a_page_of_its_own_with_every_table() -> None:
    page = Page(render_routes_report(report()))
    assert page.loaded == []
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    texts = " ".join(" ".join(page.texts).split())
    for heading in (
        "What is lost without a route",
        "Each route alone",
        "What only one route finds",
        "Time",
        "Segments",
    ):
        assert heading in texts
    assert "without dense" in texts
    assert f"share {(1 / 3 + 0) / 2:.0%} of their candidates" in texts  # b of a b c on half of the queries
    assert page.tags.count("svg") == 1


def test_texts_of_the_data_are_escaped_and_the_same_report_gives_the_same_page() -> None:
    nasty = report(NASTY)
    assert NASTY[:20] in "".join(Page(render_routes_report(nasty)).texts)
    assert render_routes_report(nasty) == render_routes_report(nasty)
