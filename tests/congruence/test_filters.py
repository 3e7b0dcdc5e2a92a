"""Every engine passes the products that the exact engine passes, in every kind of search."""

from __future__ import annotations

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Filter, Not, Term
from multirecall.engines.base import Clause, Engine, EngineRequest, Everything, Holding, Text, Vector
from multirecall.engines.exact import ExactEngine
from tests.congruence.conftest import SIZE
from tests.congruence.pairs import Pair, filled
from tests.support.catalogue import make_catalogue
from tests.support.random_filters import random_filter

FILTERS = 100


def _ids(engine: Engine, clause: Clause, node: Filter) -> set[str]:
    [result] = engine.search_many([EngineRequest(clause=clause, k=SIZE, filter=node)], Deadline.after(60.0))
    return {hit.id for hit in result.hits}


def test_random_filters_pass_the_same_products(pair: Pair) -> None:
    rng = np.random.default_rng(pair.catalogue.seed)
    nodes = [random_filter(rng, pair.catalogue) for _ in range(FILTERS)]
    # The text is made of made-up words alone: whether two stemmers agree on English is not the question here.
    word = next(word for word in pair.catalogue.words if word.endswith("k"))
    clauses: dict[str, Clause] = {
        "everything": Everything(),
        "holding": Holding(field="brand", weights={brand: 2.0**-n for n, brand in enumerate(pair.catalogue.brands)}),
        "text": Text(text=word),
        "vector": Vector(field="dense", vector=pair.catalogue.vector(rng)),
    }
    for name, clause in clauses.items():

        def differs(exact: Engine, other: Engine, node: Filter, clause: Clause = clause) -> bool:
            return _ids(exact, clause, node) != _ids(other, clause, node)

        answers = pair.answers([EngineRequest(clause=clause, k=SIZE, filter=node) for node in nodes])
        sizes = [len(exact.hits) for exact, _ in answers]
        assert len(set(sizes)) > 20, "the filters are all alike"
        for node, (exact, other) in zip(nodes, answers, strict=True):
            same = {h.id for h in exact.hits} == {h.id for h in other.hits}
            assert same, f"{name}: " + pair.report(node, differs)
            assert other.total == exact.total
    for node in nodes:
        assert pair.other.count(node) == pair.exact.count(node), node


class _Forgetful(ExactEngine):
    """An engine with a fault: it does not count what has no brand as "not of brand X"."""

    def search_many(self, requests, deadline, *, index=None):  # type: ignore[no-untyped-def]
        results = super().search_many(requests, deadline, index=index)
        branded = {r["id"] for r in self.scan(["brand"], index=index) if "brand" in r}
        return [
            type(result)(hits=tuple(h for h in result.hits if h.id in branded or "Not(" not in str(request.filter)))
            for request, result in zip(requests, results, strict=True)
        ]


def test_a_difference_is_reported_as_the_smallest_case() -> None:
    catalogue = make_catalogue(3, 200)
    inner = Not(part=Term(field="brand", value="Nobody"))
    node = Not(part=Not(part=inner))
    with ExactEngine() as exact, _Forgetful() as other:
        pair = Pair(
            catalogue=catalogue,
            exact=filled(exact, catalogue.products),
            other=filled(other, catalogue.products),
            spare=_Forgetful,
        )
        text = pair.report(node, lambda a, b, part: _ids(a, Everything(), part) != _ids(b, Everything(), part))
    assert "seed 3" in text
    assert str(node) in text
    assert f"enough  {inner}" in text
    assert "on 1 products" in text
