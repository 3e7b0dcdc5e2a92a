"""What the serving layer costs and saves: one search by the searcher alone, missed, and found in memory or Redis.

    python -m benchmarks.cached_search --redis redis://127.0.0.1:6379/0 --out benchmarks/results

Icecat on the embedded engine (built by benchmarks.embedded_search). Each judged query in turns by all arms, so that
what else the machine does is shared by all; `searcher` fuses 10 candidates, the others the window of 200. Without HTTP.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import quantiles_ms, write_result
from multirecall.search.serving import Frontend, SearchRequest
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.shared import SharedLists
from multirecall.search.serving.tokens import PageTokens
from multirecall.search.understand import understand
from multirecall.wiring.searchers import opened_live_searcher
from multirecall.wiring.settings import load_settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument("--redis", required=True)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    with (folder / "queries.tsv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        queries = [row["query"] for row in rows][: options.queries]
    prefix = f"benchmark-{os.getpid()}"
    with ExitStack() as stack:
        live = stack.enter_context(opened_live_searcher(load_settings(engine=options.index)))

        def frontend(redis: bool, memory: int = 64 << 20) -> Frontend:
            counters = Counters()
            shared = SharedLists(options.redis, prefix=prefix, page_ttl_s=60.0, counters=counters) if redis else None
            cache = ListCache(max_bytes=memory, shared=shared, counters=counters)
            made = Frontend(live, tokens=PageTokens(b"benchmark"), cache=cache)
            stack.callback(made.close)
            return made

        in_memory, with_redis, only_redis = frontend(False), frontend(True), frontend(True, memory=0)
        tokens: dict[str, str] = {}

        def first(asked: Frontend) -> Callable[[str], object]:
            return lambda text: asked.search(SearchRequest(query=understand(text)))

        def missed_with_redis(text: str) -> None:
            tokens[text] = with_redis.search(SearchRequest(query=understand(text))).page_token

        def page_three(text: str) -> None:
            if tokens[text]:
                with_redis.search(SearchRequest(query=understand("", offset=20), page_token=tokens[text]))

        arms: dict[str, Callable[[str], object]] = {
            "searcher": lambda text: live.search(understand(text)),
            "miss, no Redis": first(in_memory),
            "miss, Redis": missed_with_redis,
            "hit in memory": first(in_memory),
            "hit in Redis": first(only_redis),
            "page 3 by its token": page_three,
        }
        for text in queries:  # records read once, as those of frequent products are
            live.search(understand(text))
        took: dict[str, list[float]] = {name: [] for name in arms}
        for text in queries:
            for name, arm in arms.items():
                started = time.perf_counter()
                arm(text)
                took[name].append(time.perf_counter() - started)
        figures: dict[str, Any] = {name: quantiles_ms(np.array(times)) for name, times in took.items()}
        for name in ("miss, no Redis", "miss, Redis"):
            beside = np.array(took[name]) - np.array(took["searcher"])
            figures[name]["median_difference_ms"] = round(float(np.median(beside)) * 1000, 3)
        assert in_memory.cache is not None
        figures["bytes of a list in memory"] = in_memory.cache.nbytes // len(queries)
        counts = with_redis.cache.counters.snapshot() if with_redis.cache else {}
        figures["bytes of a list in Redis"] = counts.get("stored_bytes", 0) // len(queries)
    write_result("cached_search", {"arms": figures}, options.out)


if __name__ == "__main__":
    main()
