from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from multirecall.cli.show_comparison import comparison_view
from multirecall.cli.show_evaluation import evaluation_view
from multirecall.evaluation.comparing import compare
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import Run
from multirecall.evaluation.queries import JudgedQuery

TEXTS = ["usb cable", '[bold]17" monitor[/] ' * 12, "プリンター用トナー" * 9, "\x1b[31mred"]


def bed(text: str, n: int = 12) -> tuple[list[JudgedQuery], Judgments, dict[str, Run]]:
    queries = [
        JudgedQuery(qid=f"q{at:02d}", text=text, columns={"class": "even" if at % 2 else text}) for at in range(n)
    ]
    judgments = Judgments(grades={q.qid: {"a": 3.0, "b": 0.0} for q in queries})
    better = {q.qid: ("a", "b", f"{text} new") for q in queries}
    return queries, judgments, {"old": {q.qid: ("b", "a") for q in queries}, "new": better}


def shown(view: RenderableType, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(view)
    return out.getvalue()


def test_figures_differences_and_segments_stand_in_rows() -> None:
    queries, judgments, runs = bed("usb cable")
    lines = shown(evaluation_view(evaluate(runs, queries, judgments, ["RR"], ["class"], rounds=500)), 80).splitlines()
    assert lines[0] == "12 queries, 12 of them with 24 judgments; grades up to 3."
    rows = [line.split() for line in lines]
    assert ["RR", "old", "12", "0.500", "0.500-0.500", "0.500", "0.500", "0.500", "100%"] in rows
    assert ["new", "12", "1.000", "1.000-1.000", "1.000", "1.000", "1.000", "67%"] in rows
    assert ["RR", "new", "+0.500*", "+0.500", "+0.500", "5e-04", "5e-04", "12/0/0"] in rows
    assert ["even", "6", "old", "0.500", "0.500-0.500", "0.500", "100%"] in rows
    assert any(line.startswith("Note: RR: judged is 67% for new and 100% for old") for line in lines)


def test_one_run_has_nothing_to_compare() -> None:
    queries, judgments, runs = bed("usb cable")
    text = shown(evaluation_view(evaluate({"old": runs["old"]}, queries, judgments, ["RR"], [], rounds=50)), 80)
    assert "against" not in text
    assert "by segment" not in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("text", TEXTS)
def test_any_text_fits_the_width(width: int, text: str) -> None:
    queries, judgments, runs = bed(text)
    report = evaluate(runs, queries, judgments, ["nDCG@10", "RR"], ["class"], rounds=50)
    found = compare(("old", runs["old"]), ("new", runs["new"]), queries, judgments, n_moved=2)
    for view in (evaluation_view(report), comparison_view(found, {"a": text}, width=width)):
        out = shown(view, width)
        assert all(cell_len(line) <= width for line in out.splitlines())
        assert "\x1b" not in out
    assert "12/0/0" in out


def test_lists_show_grades_and_the_rank_in_the_other_list() -> None:
    queries, judgments, runs = bed("usb cable")
    found = compare(("old", runs["old"]), ("new", runs["new"]), queries, judgments, "RR", n_moved=1)
    rows = [line.split() for line in shown(comparison_view(found, {"a": "Cable A"}, width=100), 100).splitlines()]
    assert ["+0.500", "0.500", "to", "1.000", "q00", "usb", "cable"] in rows
    assert ["1", "0", "b", "2", "3", "a", "Cable", "A", "2"] in rows
    assert ["3", "?", "usb", "cable", "new", "-"] in rows
