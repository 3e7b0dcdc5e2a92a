from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from multirecall.core.errors import MissingExtra
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.html import render_report
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.reliability import reliability
from multirecall.evaluation.report import EvaluationReport

NASTY = '<script>alert("$x$")</script> & 17" \u202e\x07 日本'
VOID = {"meta", "link", "br", "img", "hr", "input"}


def report(name: str = "new", n: int = 12, segments: tuple[str, ...] = ("class", "length")) -> EvaluationReport:
    queries = [
        JudgedQuery(qid=f"q{at}", text=f"{NASTY} {at}", columns={"class": NASTY if at % 2 else "head"})
        for at in range(n)
    ]
    judgments = Judgments(grades={q.qid: {"a": 3.0, "b": 1.0, "c": 0.0} for q in queries})
    runs = {
        "old": {q.qid: ("b", "a") for q in queries},
        name: {q.qid: ("a", "u") if at % 3 else ("c", "b", "a") for at, q in enumerate(queries)},
    }
    return evaluate(runs, queries, judgments, ["nDCG@10", "RR"], segments, rounds=200)


class Page(HTMLParser):
    """Checks that every element is closed in order, and collects texts, ids and what would be loaded."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.loaded += [
            v or "" for name, v in attrs if name in ("src", "href", "xlink:href") and not (v or "").startswith("#")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_page_of_its_own_that_loads_nothing_and_runs_nothing() -> None:
    page = Page(render_report(report(), reliability=None))
    assert page.loaded == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 1 + 2 + 1  # all queries, two families, one system against the baseline
    assert len(set(page.ids)) == len(page.ids)


def test_texts_of_the_data_are_escaped_in_tables_and_plots() -> None:
    nasty = render_report(report(NASTY), reliability=None)
    assert "<script" not in nasty
    assert NASTY[:20] in "".join(Page(nasty).texts)


def test_every_figure_of_the_report_stands_in_the_page() -> None:
    found = report()
    text = " ".join("".join(Page(render_report(found, reliability=None)).texts).split())
    for row in (found.overall, *found.segments):
        for figure in row.figures:
            assert figure.mean is not None
            assert f"{figure.mean:.3f}" in text
        for comparison in row.comparisons:
            assert f"{comparison.difference:+.3f}" in text
    for note in found.notes:
        assert " ".join(note.split()) in text
    assert "Calibration" not in text


def test_a_reliability_adds_its_plot_and_bins() -> None:
    draw = np.random.default_rng(2)
    probabilities = draw.random(500)
    found = reliability(probabilities, (draw.random(500) < probabilities).astype(float), bins=5)
    page = Page(render_report(report(segments=()), reliability=found))
    text = "".join(page.texts)
    assert page.tags.count("svg") == 1 + 1 + 1
    assert f"{found.ece:.3f}" in text
    assert all(f"{one.predicted:.3f}" in text for one in found.bins)


def test_one_run_alone_and_a_single_query_have_a_page_too() -> None:
    queries = [JudgedQuery(qid="q", text="ups")]
    judgments = Judgments(grades={"q": {"a": 1.0}})
    alone = evaluate({"r": {"q": ("a",)}}, queries, judgments, ["AP"], rounds=50)
    assert "Query by query" not in render_report(alone, reliability=None)
    same = evaluate(
        {"r": {"q": ("a",)}, "s": {"q": ("a",)}}, queries, Judgments(grades={"q": {"a": 1.0}}), ["AP"], rounds=50
    )
    assert "No query has another figure." in render_report(same, reliability=None)


def test_a_system_without_a_figure_in_a_segment_leaves_a_gap() -> None:
    queries = [
        JudgedQuery(qid="q", text="ups", columns={"class": "a"}),
        JudgedQuery(qid="r", text="x", columns={"class": "b"}),
    ]
    found = evaluate({"r": {"q": ("a",)}}, queries, Judgments(grades={"q": {"a": 1.0}}), ["AP"], ["class"], rounds=50)
    assert re.search(r"<td>–</td>", render_report(found, reliability=None))


def test_the_same_report_gives_the_same_page() -> None:
    assert render_report(report(), reliability=None) == render_report(report(), reliability=None)


def test_many_systems_and_long_names_are_drawn() -> None:
    queries = [JudgedQuery(qid="q", text="ups")]
    runs = {f"{'x' * 60}{at}": {"q": ("a",)} for at in range(12)}
    found = evaluate(runs, queries, Judgments(grades={"q": {"a": 1.0}}), ["AP"], ["length"], rounds=50)
    assert Page(render_report(found, reliability=None)).tags.count("svg") == 1 + 1 + 11


def test_without_matplotlib_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match="need matplotlib") as caught:
        render_report(report(), reliability=None)
    assert "pip install 'multirecall[report]'" in caught.value.hint
