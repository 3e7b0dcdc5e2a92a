"""What the blender sees of rewritings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind, ranked_hits
from multirecall.fusion.features.base import Column
from multirecall.fusion.features.feature_set import FeatureSet
from tests.support.pools import pool, product, ranking
from tests.support.rewriters import rewriting

ROUTES = ("lexical", "rewrite")
SET = FeatureSet(routes=ROUTES)
PRODUCTS = {name: product("toner") for name in "abc"}
LEXICAL = ranking("lexical", {"a": 12.0, "b": 9.0}, PRODUCTS)
SAID = (rewriting("toner cartridge", 0.9), rewriting("ink", 0.4))
nan = math.nan


def rewrite(**more: object) -> Ranking:
    hits = ranked_hits((name, score, PRODUCTS[name]) for name, score in {"b": 0.8, "c": 0.3}.items())
    return Ranking(route="rewrite", kind=ScoreKind.PROBABILITY, hits=hits, rewritings=SAID, brought_by=(0, 1), **more)  # type: ignore[arg-type]


def columns(*rankings: Ranking) -> dict[str, Column]:
    made = pool("tonner", rankings, routes=ROUTES)
    return dict(zip(SET.names, SET.matrix(made).T, strict=True))


def test_each_candidate_has_the_confidence_of_what_brought_it() -> None:
    found = columns(LEXICAL, rewrite())
    np.testing.assert_array_equal(found["rewrite.confidence"], [nan, 0.9, 0.4])
    np.testing.assert_array_equal(found["rewrite.alone"], [0, 0, 1])
    np.testing.assert_array_equal(found["rewrite.surest"], [0.9] * 3)
    np.testing.assert_array_equal(found["rewrite.rewritings"], [2] * 3)
    np.testing.assert_array_equal(found["rewrite.normalised"], [nan, 0.8, 0.3])


@pytest.mark.parametrize(
    "without",
    [(), (Ranking(route="rewrite", kind=ScoreKind.PROBABILITY, status=RouteStatus.SKIPPED),)],
)
def test_all_is_missing_where_nothing_was_rewritten(without: tuple[Ranking, ...]) -> None:
    found = columns(LEXICAL, *without)
    for name in ("confidence", "alone", "surest", "rewritings", "score"):
        np.testing.assert_array_equal(found[f"rewrite.{name}"], [nan, nan])


def test_a_set_without_the_route_is_what_it_was() -> None:
    assert not [name for name in FeatureSet(routes=("lexical", "dense")).names if name.startswith("rewrite.")]
