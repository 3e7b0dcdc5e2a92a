"""How long searches take while a part is slow, hangs, fails or is gone: against the deadline and 20 ms.

    python -m benchmarks.degradation --engine elasticsearch+http://127.0.0.1:9200 --out benchmarks/results

Icecat on the embedded engine (built by benchmarks.embedded_search), and 2,000 made-up products on the server behind a
proxy that can stall; Redis is a process of its own. With `breakers off` every request meets the trouble; with `on` the
first few do, and the rest are told by the breaker. `missing` is what the answers name, with how many do.
"""

from __future__ import annotations

import argparse
import csv
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import quantiles_ms, write_result
from multirecall.core.errors import EncoderError, EngineUnavailable
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine, IndexedProduct, IndexInfo, Upsert
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import Schema, VectorField
from multirecall.fusion import WeightedSum
from multirecall.recall import DenseRoute, LexicalRoute
from multirecall.search.breaker import Breaker
from multirecall.search.live import LiveSearcher
from multirecall.search.pipeline import Searcher
from multirecall.search.serving import Frontend, SearchRequest
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.shared import SharedLists
from multirecall.search.serving.tokens import PageTokens
from multirecall.search.understand import understand
from multirecall.wiring.engines import opened_encoder, opened_engine
from multirecall.wiring.settings import load_settings
from tests.support.engines import delete_indices
from tests.support.own_redis import OwnRedis
from tests.support.stall_proxy import StallProxy

ALLOWED_MS = 20.0
NEVER = 10**9
SLOW_REDIS = "slow (up to 15 ms a call)"


class TroubledModel:
    """An encoder that does first what it is told."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self.first: Callable[[], None] = lambda: None
        self.released = threading.Event()

    def encode_queries(self, texts: Sequence[str]) -> Any:
        self.first()
        return self._encoder.encode_queries(texts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


@contextmanager
def frontend(
    engine: Engine, model: TroubledModel, *, timeout_s: float, breakers: bool, cache: ListCache | None = None
) -> Iterator[Frontend]:
    """What the service uses, over that engine."""
    breaker = Breaker("the engine", failures=5 if breakers else NEVER)

    def opened(info: IndexInfo) -> Searcher:
        searcher = Searcher(
            engine, routes=[LexicalRoute(), DenseRoute()], fusion=WeightedSum(), encoders={"dense": model},
            timeout_s=timeout_s, index=info.name, breaker=breaker,
        )  # fmt: skip
        for one in searcher.breakers.values():
            one._failures = 5 if breakers else NEVER
        return searcher

    with LiveSearcher(engine, opened, timeout_s=timeout_s, breaker=breaker) as live:
        made = Frontend(live, tokens=PageTokens(b"benchmark"), cache=cache)
        yield made
        made.close()


def measured(asked: Frontend, queries: Sequence[str], timeout_s: float) -> dict[str, Any]:
    """Searches one after another. Quantiles in ms, over the deadline, and what was missing."""
    took_s, missing = [], Counter[str]()
    for text in queries:
        started = time.perf_counter()
        try:
            served = asked.search(SearchRequest(query=understand(text)))
            missing.update(f"{name}: {status}" for name, status in served.page.degraded.items())
        except EngineUnavailable as error:
            missing["error: retry in time" if "retry_after_s" in error.data else "error"] += 1
        took_s.append(time.perf_counter() - started)
    quantiles = quantiles_ms(np.array(took_s))
    return {
        **quantiles,
        "max_ms": round(max(took_s) * 1000, 1),
        "missing": dict(missing),
        "within": quantiles["p95_ms"] <= timeout_s * 1000 + ALLOWED_MS,
    }


def model_troubles(model: TroubledModel, timeout_s: float) -> dict[str, Callable[[], None]]:
    def fail() -> None:
        raise EncoderError("The model is broken.")

    return {
        "well": lambda: None,
        "slow (twice the deadline)": lambda: time.sleep(2 * timeout_s),
        "hangs": lambda: model.released.wait(60.0) and None,  # type: ignore[func-returns-value]
        "raises": fail,
    }


def small_index(engine: Engine, n: int = 2_000) -> None:
    encoder = open_encoder("hashing?dim=64")
    field = VectorField(name="dense", dim=64, encoder=encoder.spec, fingerprint=encoder.fingerprint)
    index = engine.create(Schema(vectors=(field,)))
    titles = [f"usb cable {i % 7} m black {i}" for i in range(n)]
    vectors = encoder.encode_products(titles)
    writes = (
        Upsert(product=IndexedProduct(id=f"p{i}", fields={"id": f"p{i}", "title": title}, vectors={"dense": vector}))
        for i, (title, vector) in enumerate(zip(titles, vectors, strict=True))
    )
    assert all(result.ok for result in engine.write(writes, index=index))
    engine.refresh(index=index)
    engine.swap(index)


def routes(index: str, queries: Sequence[str], timeout_s: float) -> dict[str, Any]:
    settings, found = load_settings(), {}
    with opened_engine(settings, index) as engine:
        encoder = opened_encoder(settings, engine.info().schema.vectors[0].encoder)
        for breakers in (False, True):
            model = TroubledModel(encoder)
            for name, trouble in model_troubles(model, timeout_s).items():
                with frontend(engine, model, timeout_s=timeout_s, breakers=breakers) as asked:
                    model.first = lambda: None
                    measured(asked, queries[:5], timeout_s)
                    model.first = trouble
                    key = f"model {name}, breakers {'on' if breakers else 'off'}"
                    found[key] = measured(asked, queries, timeout_s)
            model.released.set()
    return found


def stores(index: str, queries: Sequence[str], timeout_s: float) -> dict[str, Any]:
    settings, found = load_settings(), {}
    with opened_engine(settings, index) as engine, OwnRedis() as server:
        model = TroubledModel(opened_encoder(settings, engine.info().schema.vectors[0].encoder))
        for name in ("well", "hung", SLOW_REDIS, "killed"):
            counters = Counters()
            shared = SharedLists(server.url, prefix=f"b:{name}", page_ttl_s=900.0, counters=counters)
            cache = ListCache(max_bytes=64 << 20, shared=shared, counters=counters)
            with frontend(engine, model, timeout_s=timeout_s, breakers=True, cache=cache) as asked:
                measured(asked, ["warm up"], timeout_s)
                troubles: dict[str, Any] = {"hung": server.hung, SLOW_REDIS: lambda: server.slow(0.015)}
                if name == "killed":
                    server.kill()
                with troubles.get(name, nullcontext)():
                    found[f"redis {name}"] = measured(asked, queries, timeout_s) | {"counts": counters.snapshot()}
    return found


def servers(url: str, timeout_s: float, n: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    scheme, _, address = url.partition("+")
    queries = [f"usb cable {i} m" for i in range(n)]
    alias = f"t_degradation_{os.getpid()}"
    with StallProxy(address) as proxy, ExitStack() as stack:
        engine = stack.enter_context(open_engine(f"{scheme}+{proxy.url}/{alias}", create=True))
        small_index(engine)
        try:
            model = TroubledModel(open_encoder("hashing?dim=64"))
            for breakers in (False, True):
                for name, delay_s in {
                    "well": 0.0,
                    "slow (each answer twice the deadline)": 2 * timeout_s,
                    "hangs": 3600.0,
                }.items():
                    with frontend(engine, model, timeout_s=timeout_s, breakers=breakers) as asked:
                        measured(asked, queries[:5], 10.0)
                        proxy.delay_s = delay_s
                        key = f"{scheme} {name}, breakers {'on' if breakers else 'off'}"
                        found[key] = measured(asked, queries, timeout_s)
                        proxy.delay_s = 0.0
                        proxy.drop_all()
            with frontend(engine, model, timeout_s=timeout_s, breakers=True) as asked:
                measured(asked, queries[:5], 10.0)
                with proxy.refusing():
                    found[f"{scheme} gone, breakers on"] = measured(asked, queries, timeout_s)
        finally:
            delete_indices(url, alias)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument("--engine", default="", help="a search server, e.g. elasticsearch+http://127.0.0.1:9200")
    parser.add_argument("--timeout-s", type=float, default=0.3)
    parser.add_argument("--searches", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    folder = Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    with (folder / "queries.tsv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        queries = [row["query"] for row in rows][: options.searches]
    found = routes(options.index, queries, options.timeout_s) | stores(options.index, queries, options.timeout_s)
    if options.engine:
        found |= servers(options.engine, options.timeout_s, options.searches)
    write_result("degradation", {"timeout_s": options.timeout_s, "cases": found}, options.out)


if __name__ == "__main__":
    main()
