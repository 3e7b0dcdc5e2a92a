"""What a facet promises: the number beside a value is the number of products when that value is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multirecall.core.filters import And, Filter, Range, Term
from multirecall.core.query import Facet, Query
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine, FacetCount, Upsert
from multirecall.engines.schema import Schema, VectorField
from multirecall.fusion import WeightedSum
from multirecall.recall import DenseRoute, LexicalRoute
from multirecall.search import Searcher, understand
from tests.support.catalogue import DIM, make_catalogue

__all__ = ["FACETS", "chosen", "fill", "keeps_its_promises", "searcher_of"]

FACETS = (
    Facet(field="brand", size=4),
    Facet(field="attributes.colour", size=4),
    Facet(field="in_stock"),
    Facet(field="price_minor", edges=(1_000.0, 3_000.0, 10_000.0)),
)
_CATALOGUE = make_catalogue(6, 300)


def fill(engine: Engine) -> None:
    """A live index of 300 made-up products."""
    encoder = open_encoder(f"hashing?dim={DIM}")
    field = VectorField(name="dense", dim=DIM, encoder=encoder.spec, fingerprint=encoder.fingerprint)
    index = engine.create(Schema(vectors=(field,)))
    writes = [Upsert(product=one) for one in _CATALOGUE.products]
    assert all(result.ok for result in engine.write(writes, index=index))
    engine.refresh(index=index)
    engine.swap(index)


def searcher_of(engine: Engine) -> Searcher:
    """Lexical and dense route over it."""
    return Searcher(
        engine,
        routes=[LexicalRoute(), DenseRoute()],
        fusion=WeightedSum(),
        encoders={"dense": open_encoder(f"hashing?dim={DIM}")},
        timeout_s=60.0,
    )


def chosen(query: Query, facet: Facet, bucket: FacetCount) -> Query:
    """The query with that value of the facet chosen as well."""
    value: Filter = (
        Range(field=facet.field, gte=bucket.gte, lt=bucket.lt)
        if bucket.value is None
        else Term(field=facet.field, value=bucket.value)
    )
    return replace(query, filter=value if query.filter is None else And(parts=(query.filter, value)))


def keeps_its_promises(searcher: Searcher, *, n_queries: int, seed: int = 6) -> int:
    """Asks random queries, with and without filter and misspelt words, and chooses facet values; returns how many.

    Asserts that every value gives the number that stood beside it, of the kind it was declared.
    """
    rng = np.random.default_rng(seed)
    n_chosen = 0
    misspelt = filtered = 0
    for number in range(n_queries):
        text = "" if number % 10 == 9 else _CATALOGUE.query(rng)
        if number % 3 == 1:
            place = int(rng.integers(1, max(2, len(text) - 1)))
            text, misspelt = text[:place] + text[place + 1 :], misspelt + 1
        query = understand(text, facets=FACETS)
        if number % 2:
            query, filtered = (
                replace(query, filter=Range(field="price_minor", lte=float(rng.integers(2_000, 9_000)))),
                filtered + 1,
            )
        answer = searcher.rank(query, 10)
        route = "lexical" if query.text else "browse"
        assert answer.facets_over == route
        assert answer.totals[route].relation == "exact"
        for facet, counts in zip(FACETS, answer.facets, strict=True):
            for bucket in counts.counts:
                if rng.random() > 0.35:
                    continue
                promised = searcher.rank(chosen(query, facet, bucket), 10)
                total = promised.totals[route]
                assert (total.value, total.relation) == (bucket.count, "exact"), (text, query.filter, facet, bucket)
                n_chosen += 1
    assert misspelt
    assert filtered
    return n_chosen
