"""Facets and sorted answers are the same to the last count and the last place."""

from __future__ import annotations

import numpy as np

from multirecall.core.query import Facet, Sort
from multirecall.engines.base import EngineRequest, Everything, Text
from tests.congruence.pairs import Pair
from tests.support.random_filters import random_filter

FACETS = (
    Facet(field="brand", size=7),
    Facet(field="category", size=50),
    Facet(field="in_stock"),
    Facet(field="currency"),
    Facet(field="attributes.colour", size=3),
    Facet(field="attributes.ports"),
    Facet(field="attributes.wireless"),
    Facet(field="price_minor", edges=(500.0, 1000.0, 2500.0, 10_000.0)),
    Facet(field="popularity", edges=(0.5, 12.5)),
    Facet(field="attributes.width", edges=(-10.0, 0.0, 30.0)),
)

SORT_FIELDS = ("id", "brand", "price_minor", "popularity", "updated_at", "in_stock", "attributes.width")


def test_facets_are_equal(pair: Pair) -> None:
    rng = np.random.default_rng(pair.catalogue.seed + 5)
    word = next(word for word in pair.catalogue.words if word.endswith("k"))
    requests = [
        EngineRequest(
            clause=Text(text=word) if n % 2 else Everything(),
            k=0,
            filter=random_filter(rng, pair.catalogue) if n > 1 else None,
            facets=FACETS,
        )
        for n in range(30)
    ]
    for request, (exact, other) in zip(requests, pair.answers(requests), strict=True):
        assert other.total == exact.total, request.filter
        assert other.facets == exact.facets, (pair.catalogue.seed, request.filter)


def test_sorted_answers_are_equal(pair: Pair) -> None:
    rng = np.random.default_rng(pair.catalogue.seed + 6)
    word = next(word for word in pair.catalogue.words if word.endswith("k"))
    requests = [
        EngineRequest(
            clause=Text(text=word) if n % 2 else Everything(),
            k=int(rng.integers(1, 300)),
            filter=random_filter(rng, pair.catalogue, depth=1) if n % 3 else None,
            sort=tuple(
                Sort(field=str(field), descending=bool(rng.random() < 0.5))
                for field in rng.permutation(SORT_FIELDS)[: rng.integers(1, 4)]
            ),
        )
        for n in range(40)
    ]
    for request, (exact, other) in zip(requests, pair.answers(requests), strict=True):
        assert [h.id for h in other.hits] == [h.id for h in exact.hits], (pair.catalogue.seed, request)
