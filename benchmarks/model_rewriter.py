"""What a language model among the rewriters costs a search: remembered, asked anew, too slow, broken.

    python -m benchmarks.model_rewriter --engine embedded:.multirecall/quality/icecat-onnx --out benchmarks/results

Icecat's development queries, the arms in turn for each. The model stands behind an HTTP endpoint in this process that
answers after a set time, so that what is measured is the search and not the model. `answered` is the share of searches
that had its rewritings, `said_so` the share whose answer names what it lacks.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import redis

from benchmarks.measure import write_result
from multirecall.evaluation.queries import read_queries
from multirecall.search.serving import Frontend, SearchRequest
from multirecall.search.understand import understand
from multirecall.wiring.frontends import opened_frontend
from multirecall.wiring.precomputing import precompute
from multirecall.wiring.settings import Settings, load_settings
from tests.support.chat_server import ChatServer, answer

WAIT_S = 0.3
QUICK_S, SLOW_S = 0.1, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to serve: whether there is a model, how long it takes (None: it answers 500), and what is known before.

    `known`: `memory` (this process asked before), `redis` (workers did), or nothing."""

    name: str
    model: bool = True
    takes_s: float | None = 0.0
    known: str = ""


ARMS = (
    Arm(name="without a model", model=False),
    Arm(name="remembered in the process", known="memory"),
    Arm(name="remembered in Redis (precomputed)", known="redis"),
    Arm(name=f"asked anew, the model takes {QUICK_S * 1000:.0f} ms", takes_s=QUICK_S),
    Arm(name=f"asked anew, the model takes {SLOW_S:.0f} s", takes_s=SLOW_S),
    Arm(name="the endpoint answers 500", takes_s=None),
)


class Model:
    """Answers with three rewrites of plain words after `takes_s`, or with 500."""

    def __init__(self) -> None:
        self.takes_s: float | None = 0.0

    def __call__(self, handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
        if self.takes_s is None:
            answer("", status=500)(handler, request, ended)
            return
        ended.wait(self.takes_s)
        query = json.loads(request["messages"][-1]["content"])
        said = [f"{query} adapter", f"{query} cable", f"{query} wireless"]
        answer(json.dumps(said))(handler, request, ended)


class Tally:
    """Milliseconds of an arm's searches, and what became of the model's part."""

    def __init__(self, arm: Arm, frontend: Frontend) -> None:
        self._arm, self._frontend = arm, frontend
        self._took: list[float] = []
        self._answered = self._told = 0

    def search(self, text: str) -> None:
        started = time.perf_counter()
        page = self._frontend.search(SearchRequest(query=understand(text), use_cache=False)).page
        self._took.append((time.perf_counter() - started) * 1000.0)
        self._answered += any("model" in one.by for one in page.rewritings)
        self._told += "rewrite" in page.degraded

    def row(self) -> dict[str, Any]:
        n = len(self._took)
        return {
            "arm": self._arm.name,
            "searches": n,
            "p50_ms": round(float(np.percentile(self._took, 50)), 1),
            "p95_ms": round(float(np.percentile(self._took, 95)), 1),
            "max_ms": round(max(self._took), 1),
            "answered": round(self._answered / n, 3),
            "said_so": round(self._told / n, 3),
        }


def settings_of(base: dict[str, Any], arm: Arm, server: ChatServer, namespace: str) -> Settings:
    """A namespace in Redis for each arm, so that none knows what another asked."""
    rewriters = "units" + (",model:endpoint" if arm.model else "")
    return load_settings(
        **base,
        routes="lexical,dense,rewrite",
        rewriters=rewriters,
        rewrite_url=server.url,
        rewrite_model="m",
        rewrite_wait_s=WAIT_S,
        namespace=f"{namespace}-{abs(hash(arm.name)) % 10_000}",
    )


@contextmanager
def opened(arm: Arm, base: dict[str, Any], namespace: str, queries: Sequence[str]) -> Iterator[Tally]:
    """The arm's frontend, warm but for what the arm is about."""
    model = Model()
    with ChatServer(model) as server:
        settings = settings_of(base, arm, server, namespace)
        if arm.known == "redis":
            precompute(settings, queries)
        with opened_frontend(settings) as frontend:
            known = queries if arm.known == "memory" else ()
            for text in ("warm up", "the engine", "and the encoder", *known):
                frontend.search(SearchRequest(query=understand(text), use_cache=False))
            model.takes_s = arm.takes_s
            yield Tally(arm, frontend)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--queries", type=Path, default=Path("../shared/data/icecat/queries.tsv"))
    parser.add_argument("--size", type=int, default=150)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()

    queries = list(dict.fromkeys(query.text for query in read_queries(given.queries)))[: given.size]
    base = {"engine": given.engine, "cache_redis": given.redis, "timeout_s": 5.0, "cache_vectors_mb": 0}
    namespace = f"b{uuid.uuid4().hex[:12]}"
    with ExitStack() as stack:
        stack.callback(_forget, given.redis, namespace)
        tallies = [stack.enter_context(opened(arm, base, namespace, queries)) for arm in ARMS]
        for text in queries:  # the arms in turn, so that a busy machine is as busy for all of them
            for tally in tallies:
                tally.search(text)
        rows = [tally.row() for tally in tallies]
    write_result("model_rewriter", {"wait_s": WAIT_S, "arms": rows}, given.out)


def _forget(url: str, namespace: str) -> None:
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(f"{namespace}*"):
            client.delete(key)


if __name__ == "__main__":
    main()
