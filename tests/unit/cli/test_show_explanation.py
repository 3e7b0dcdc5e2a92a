"""Explanations as people see them: numbers that add up, missing values, others together."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

from multirecall.cli.show_explanation import explained_table, why_view
from multirecall.fusion.explaining import Explanation, explained_by_features, why
from multirecall.search.page import PageHit

DESCRIBED = {f"f{at}": f"feature [number] {at}" for at in range(8)}


def explanation(product_id: str, values: list[float], contributions: list[float]) -> Explanation:
    return explained_by_features(product_id, sum(contributions), DESCRIBED, values, contributions)


FIRST = explanation(
    "a[b]", [float("nan"), *[float(at) for at in range(7)]], [2.0, 1.0, 0.5, 0.2, -0.1, 0.05, 0.02, 0.01, 0.3]
)
SECOND = explanation("z", [1.0] * 8, [0.5, 1.0, 0.5, 0.2, 0.0, 0.0, 0.0, 0.0, 0.3])


def shown(view: RenderableType) -> str:
    out = io.StringIO()
    Console(width=120, no_color=True, file=out).print(view)
    return out.getvalue()


def test_the_largest_shares_come_first_and_the_others_are_summed_up() -> None:
    hits = [PageHit(id="a[b]", rank=1, score=FIRST.score, product={}, sources=(), explanation=FIRST)]
    lines = [" ".join(line.split()) for line in shown(explained_table(hits, n=3)).splitlines()]
    assert "1 a[b] 3.980 score" in lines
    assert "+2.000 feature [number] 0 missing" in lines
    assert "+1.000 feature [number] 1 0" in lines
    assert f"{0.2 - 0.1 + 0.05 + 0.02 + 0.01:+.3f} 5 others together" in lines
    assert "+0.300 what every product starts from" in lines


def test_why_shows_both_values_and_what_they_add() -> None:
    lines = [" ".join(line.split()) for line in shown(why_view(why(FIRST, SECOND), n=1)).splitlines()]
    assert "a[b] (3.980) stands before z (2.500): difference +1.480" in lines
    assert "+1.500 feature [number] 0 missing 1" in lines
    assert "-0.020 7 others together" in lines
    assert "stands after" in shown(why_view(why(SECOND, FIRST)))
    assert "stands level with" in shown(why_view(why(SECOND, SECOND)))
