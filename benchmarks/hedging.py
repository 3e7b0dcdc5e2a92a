"""What a second node is worth to searches that are late, and what it costs: two ways to one server, either may pause.

    python -m benchmarks.hedging --engine elasticsearch+http://127.0.0.1:9200 --out benchmarks/results

Before the server stand two proxies, one for each node. A node that pauses holds its answers back for 200 ms, as a
collection of garbage does, once a second and a half on average; one that is busy holds every answer back for 20 ms.
With and without the second address in turns.
"""

from __future__ import annotations

import argparse
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmarks.degradation import small_index
from benchmarks.measure import write_result
from multirecall.core.deadline import Deadline
from multirecall.engines.base import Engine, EngineRequest, TellsHedges, Text
from multirecall.engines.opening import EngineAccess, open_engine
from tests.support.engines import delete_indices
from tests.support.stall_proxy import StallProxy

PAUSE_S, EVERY_S, BUSY_S, BETWEEN_S = 0.2, 1.5, 0.02, 0.01
CASES = {
    "well": ((), 0.0), "the first pauses": ((0,), 0.0), "both pause": ((0, 1), 0.0), "both are busy": ((), BUSY_S)
}  # fmt: skip


@contextmanager
def pausing(proxies: list[StallProxy], seed: int) -> Iterator[None]:
    """Each of the proxies pauses by itself."""
    ended = threading.Event()

    def pause(proxy: StallProxy, chance: random.Random) -> None:
        while not ended.wait(chance.expovariate(1.0 / EVERY_S)):
            proxy.delay_s = PAUSE_S
            ended.wait(PAUSE_S)
            proxy.delay_s = 0.0

    threads = [
        threading.Thread(target=pause, args=(proxy, random.Random(f"{seed} {n}"))) for n, proxy in enumerate(proxies)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def searched(engine: Engine, n: int, took_s: list[float]) -> None:
    for number in range(n):
        request = EngineRequest(clause=Text(text=f"usb cable {number % 7} m"), k=10)
        started = time.perf_counter()
        engine.search_many([request], Deadline.after(2.0))
        took_s.append(time.perf_counter() - started)
        time.sleep(BETWEEN_S)


def figures(took_s: list[float]) -> dict[str, float]:
    quantiles = {f"p{q}_ms": float(np.quantile(took_s, q / 100)) * 1000 for q in (50, 95, 99)}
    return {name: round(ms, 1) for name, ms in (quantiles | {"mean_ms": float(np.mean(took_s)) * 1000}).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--searches", type=int, default=200, help="of each round")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    scheme, _, address = options.engine.partition("+")
    alias, found = f"t_hedging_{os.getpid()}", {}
    with ExitStack() as stack:
        nodes = [stack.enter_context(StallProxy(address)) for _ in range(2)]
        url = f"{scheme}+{nodes[0].url}/{alias}"
        engines = {
            "alone": stack.enter_context(open_engine(url)),
            "hedged": stack.enter_context(open_engine(url, access=EngineAccess(second_url=nodes[1].url))),
        }
        try:
            small_index(engines["alone"], 500)
            for engine in engines.values():
                searched(engine, 100, [])
            for case, (who, busy_s) in CASES.items():
                took: dict[str, list[float]] = {name: [] for name in engines}
                before = hedges(engines["hedged"])
                for seed in range(options.rounds):
                    for name, engine in engines.items():
                        for node in nodes:
                            node.delay_s = busy_s
                        with pausing([nodes[n] for n in who], seed):
                            searched(engine, options.searches, took[name])
                sent = {what: n - before[what] for what, n in hedges(engines["hedged"]).items()}
                found[case] = {name: figures(times) for name, times in took.items()} | {
                    "second requests": sent, "of": options.rounds * options.searches
                }  # fmt: skip
        finally:
            for node in nodes:
                node.delay_s = 0.0
            delete_indices(options.engine, alias)
    write_result("hedging", {"engine": scheme, "cases": found}, options.out)


def hedges(engine: Engine) -> dict[str, int]:
    return dict(engine.hedges) if isinstance(engine, TellsHedges) else {}


if __name__ == "__main__":
    main()
