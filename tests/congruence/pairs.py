"""An engine beside the exact one, on the same products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Filter
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Engine, EngineRequest, EngineResult, IndexedProduct
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from tests.congruence.shrinking import smallest_failing, smallest_filter
from tests.contract.asking import put
from tests.support.catalogue import DIM, Catalogue

__all__ = ["Pair", "filled", "pair_schema"]

_BATCH = 50
_LIMIT_S = 60.0


def pair_schema(kind: str = "hnsw") -> Schema:
    """The schema of all congruence tests, with one kind of vector index."""
    field = VectorField(name="dense", dim=DIM, encoder="hashing?dim=64", fingerprint="congruence", index=kind)
    return Schema(vectors=(field,), numeric_attributes=("width",))


def filled(engine: Engine, products: Sequence[IndexedProduct], schema: Schema | None = None) -> Engine:
    """The engine with a new live index that holds the products."""
    index = engine.create(schema or pair_schema())
    put(engine, *products, index=index)
    before = engine.swap(index)
    if before is not None:
        engine.drop(before)
    return engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`spare` gives another engine of the same kind, to try smaller catalogues on."""

    catalogue: Catalogue
    exact: Engine
    other: Engine
    spare: Callable[[], Engine]

    def answers(self, requests: Sequence[EngineRequest]) -> list[tuple[EngineResult, EngineResult]]:
        """Exact and other result of each request; both must have ended well."""
        pairs = []
        for start in range(0, len(requests), _BATCH):
            part = requests[start : start + _BATCH]
            exact = self.exact.search_many(part, Deadline.after(_LIMIT_S))
            other = self.other.search_many(part, Deadline.after(_LIMIT_S))
            assert all(r.status is RouteStatus.OK for r in exact + other), [r.error for r in exact + other if r.error]
            pairs += zip(exact, other, strict=True)
        return pairs

    def report(self, node: Filter, differs: Callable[[Engine, Engine, Filter], bool]) -> str:
        """What to print when the two engines differ on a filter: seed, filter, and the smallest failing case."""
        with ExactEngine() as exact, self.spare() as other:

            def fails_on(products: Sequence[IndexedProduct]) -> bool:
                return differs(filled(exact, products), filled(other, products), node)

            products = smallest_failing(self.catalogue.products, fails_on)
            small = smallest_filter(node, lambda part: differs(exact, other, part)) if fails_on(products) else node
        records = "\n  ".join(repr(dict(p.fields)) for p in products[:5])
        return f"seed {self.catalogue.seed}\nfilter {node}\nenough  {small}\non {len(products)} products:\n  {records}"
