from __future__ import annotations

import io

import pytest
from rich.console import Console

from multirecall.cli.show_gate import gate_view
from multirecall.evaluation.gate import Gate
from multirecall.evaluation.measures import NDCG, QueryFigures
from multirecall.evaluation.verdict import Verdict


def verdict(old: float, new: float, *, n: int = 30, judged: float = 0.9, text: str = "usb cable") -> Verdict:
    def figures(value: float, share: float) -> QueryFigures:
        values = {f"q{at:03d}": value + at / 1000 for at in range(n)}
        return QueryFigures(
            measure=NDCG(k=10), values=values, judged=dict.fromkeys(values, share), without_relevant=("z1", "z2")
        )

    texts = {f"q{at:03d}": text for at in range(n)}
    return Gate()(figures(old, 0.9), figures(new, judged), texts=texts, incomplete={"q029": "new: dense failed"})


def shown(verdict: Verdict, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(gate_view(verdict))
    return out.getvalue()


def test_a_stopped_gate_shows_reason_figures_and_worst_queries() -> None:
    lines = shown(verdict(0.6, 0.4, judged=0.5)).splitlines()
    assert lines[0] == "Gate stopped"
    text = " ".join(line.strip() for line in lines)
    assert "nDCG@10 goes from 0.614 to 0.414 over 29 queries, a significant fall" in text
    assert "may be a lack of judgments" in text
    (measure,) = [line for line in lines if line.startswith("nDCG@10  ")]
    assert measure.split() == ["nDCG@10", "0.614", "0.414", "-0.200", "-0.200", "to", "-0.200", "(95%)"]
    assert [line.split() for line in lines if line.startswith("judged@10")] == [["judged@10", "90%", "50%"]]
    assert "29 queries compared: 0 better, 29 worse, 0 equal." in lines
    assert "2 left out: no product has a grade above 0." in lines
    assert "1 left out: an answer was not complete." in lines
    assert sum(line.startswith("q0") and line.split()[-1] == "-0.200" for line in lines) == 10


def test_passed_undecided_and_forced_are_told_apart() -> None:
    assert shown(verdict(0.6, 0.6)).startswith("Gate passed\n")
    assert "queries that fell most" not in shown(verdict(0.6, 0.6))
    few = verdict(0.6, 0.6, n=3)
    assert shown(few).startswith("Gate cannot judge\n")
    assert shown(few.force()).startswith("Gate cannot judge; let through by force\n")
    nothing = shown(verdict(0.6, 0.6, n=0))
    assert "no query with a relevant judgment" in " ".join(nothing.split())
    assert "judged@10" not in nothing


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("text", ['[bold]17" monitor[/] ' * 12, "プリンター用トナー" * 9, "\x1b[31mred\n"])
def test_any_query_text_fits_the_width(width: int, text: str) -> None:
    out = shown(verdict(0.6, 0.4, text=text), width)
    console = Console(file=io.StringIO(), width=width)
    assert all(console.measure(line).maximum <= width for line in out.splitlines())
    assert "\x1b" not in out
    assert "-0.200" in out
