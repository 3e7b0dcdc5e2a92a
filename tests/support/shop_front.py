"""A small shop behind a Frontend: the reference engine, which can be made to wait, fail or call back in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.core.ranking import RouteStatus, ScoreKind
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Capabilities, EngineRequest, EngineResult, IndexInfo, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.fusion.base import Fusion
from multirecall.fusion.weighted_sum import WeightedSum
from multirecall.recall import DenseRoute, LexicalRoute, Route
from multirecall.search.breaker import Breaker
from multirecall.search.live import LiveSearcher
from multirecall.search.pipeline import Searcher
from multirecall.search.serving import Frontend
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.tokens import PageTokens
from tests.support.records import product

__all__ = ["HookedEngine", "Item", "Shop", "opened_shop"]

SECRET = b"a secret of the tests"


@dataclass(frozen=True, slots=True)
class Item:
    """A product as these tests write it down."""

    id: str
    title: str
    price_minor: int = 1_000
    brand: str = "HP"


class HookedEngine(ExactEngine):
    """Calls `before_search` and `before_fetch` first, counts the calls, and can pretend to be behind a network."""

    def __init__(self, name: str = "shop") -> None:
        super().__init__(name)
        self.before_search: Callable[[Deadline], None] = lambda deadline: None
        self.before_fetch: Callable[[float | None], None] = lambda timeout_s: None
        self.searches = self.fetches = 0
        self.in_process = True

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, in_process=self.in_process)

    def search_many(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        self.searches += 1
        self.before_search(deadline)
        if deadline.expired:
            late = EngineResult(status=RouteStatus.TIMED_OUT, error="the engine was late")
            return [late for _ in requests]
        return super().search_many(requests, deadline, index=index)

    def fetch(
        self,
        ids: Sequence[str],
        fields: Sequence[str] | None = None,
        *,
        index: str | None = None,
        timeout_s: float | None = None,
    ) -> list[Mapping[str, Any] | None]:
        self.fetches += 1
        self.before_fetch(timeout_s)
        return super().fetch(ids, fields, index=index, timeout_s=timeout_s)


class Shop:
    """An engine, the searcher that follows its live index, and what answers for both."""

    def __init__(
        self,
        *,
        cache: ListCache | None = None,
        encoder: Encoder | None = None,
        routes: Sequence[Route] | None = None,
        fusion: Fusion | None = None,
        timeout_s: float = 30.0,
        breaker: Breaker | None = None,
        engine: HookedEngine | None = None,
        window: int = 200,
    ) -> None:
        self.engine = engine or HookedEngine()
        self.encoder = encoder or open_encoder("hashing?dim=64")
        self._routes = [LexicalRoute(k=200), DenseRoute(k=200)] if routes is None else routes
        self._dense = any(route.kind is ScoreKind.COSINE for route in self._routes)
        self._fusion = fusion or WeightedSum()
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._lock = threading.Lock()
        self.live = LiveSearcher(self.engine, self._open, look_every_s=3600.0, timeout_s=timeout_s, breaker=breaker)
        self.frontend = Frontend(self.live, tokens=PageTokens(SECRET), cache=cache, window=window)

    def _open(self, info: IndexInfo) -> Searcher:
        return Searcher(
            self.engine,
            routes=self._routes,
            fusion=self._fusion,
            encoders={"dense": self.encoder},
            timeout_s=self._timeout_s,
            index=info.name,
            breaker=self._breaker,
        )

    def build(self, items: Sequence[Item]) -> str:
        """A new index of these products, not live."""
        field = VectorField(
            name="dense", dim=self.encoder.dim, encoder=self.encoder.spec, fingerprint=self.encoder.fingerprint
        )
        index = self.engine.create(Schema(vectors=(field,) if self._dense else ()))
        self.put(items, index=index)
        return index

    def put(self, items: Sequence[Item], *, index: str | None = None) -> None:
        """Writes the products, visible at once."""
        titles = [item.title for item in items]
        vectors = self.encoder.encode_products(titles) if self._dense else np.zeros((len(items), 1), np.float32)
        writes = [
            Upsert(
                product=product(
                    item.id,
                    item.title,
                    price_minor=item.price_minor,
                    brand=item.brand,
                    vectors={"dense": vector} if vector.any() else {},
                )
            )
            for item, vector in zip(items, vectors, strict=True)
        ]
        assert all(result.ok for result in self.engine.write(writes, index=index))
        self.engine.refresh(index=index)

    def go_live(self, index: str) -> None:
        """Swaps to the index and goes over to it."""
        self.engine.swap(index)
        self.live.follow()

    def close(self) -> None:
        self.frontend.close()
        self.live.close()
        self.engine.close()


@contextmanager
def opened_shop(items: Sequence[Item] = (), **options: Any) -> Iterator[Shop]:
    """A shop that serves these products, closed at the end."""
    with ExitStack() as stack:
        shop = Shop(**options)
        stack.callback(shop.close)
        if items:
            shop.go_live(shop.build(items))
        yield shop
