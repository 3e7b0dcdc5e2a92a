"""The service over HTTP beside an endpoint that returns a constant of the same size; a soak; and a flood by one key.

    multirecall train blender --engine embedded:.multirecall/quality/icecat-onnx --out /tmp/blender \\
        --queries ../shared/data/icecat/queries.tsv --judgments ../shared/data/icecat/judgments.tsv
    python -m benchmarks.http_search compare --blender /tmp/blender --out benchmarks/results
    python -m benchmarks.http_search soak --blender /tmp/blender --requests 200000
    python -m benchmarks.http_search flood --blender /tmp/blender

Icecat on the embedded engine (built by benchmarks.embedded_search), the judged queries. Service and constant are
processes of their own with the same server options; rounds go in turns, so that what else the machine does is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np

from benchmarks.http_load import Load, Request, run_load
from benchmarks.http_servers import Served, constant_process, search_process
from benchmarks.measure import ratio_of_medians, write_result
from benchmarks.ready import data_folder
from multirecall.service.keys import Role, key_line, new_key

_WARM = 20
"""Distinct queries of cached arms: few enough to be warmed up in seconds."""

_LEAD_S = 1.0
"""So long the other key asks before it is measured: until then its burst is over."""


def judged_queries() -> list[str]:
    with (data_folder() / "queries.tsv").open(encoding="utf-8") as lines:
        return [row["query"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def post(body: dict[str, Any], **headers: str) -> Request:
    return Request(method="POST", path="/v1/search", body=json.dumps(body).encode(), headers=headers)


def in_turns(requests: list[Request]) -> Callable[[], Request]:
    return itertools.cycle(requests).__next__


async def load_of(
    server: Served, next_request: Callable[[], Request], seconds: float, connections: int, pause_s: float = 0.0
) -> tuple[Load, float]:
    """The load, and the server's CPU microseconds a request."""
    before = server.cpu_s()
    load = await run_load(
        server.host, server.port, next_request, seconds=seconds, connections=connections, pause_s=pause_s
    )
    if set(load.statuses) != {200}:
        raise SystemExit(f"answers other than 200: {dict(load.statuses)}")
    return load, (server.cpu_s() - before) / len(load.took_s) * 1e6


# ---------------------------------------------------------------- compare


async def compare(options: argparse.Namespace) -> dict[str, Any]:
    queries = judged_queries()
    with ExitStack() as stack:
        service = stack.enter_context(search_process(engine=options.index, blender=options.blender, keep_vectors=False))
        once = await run_load(
            service.host, service.port, lambda: post({"query": queries[0]}), seconds=0.2, connections=1
        )
        constant = stack.enter_context(constant_process(once.n_bytes))
        cached = [post({"query": text}) for text in queries[:_WARM]]
        numbers = itertools.count(1)
        anew = itertools.cycle(queries)
        arms: dict[str, tuple[Served, Callable[[], Request]]] = {
            "constant, GET": (constant, lambda: Request(path="/constant")),
            "constant, POST with the search's body": (
                constant, in_turns([Request(method="POST", path="/constant", body=one.body) for one in cached])
            ),
            "cached, POST": (service, in_turns(cached)),
            "cached, GET": (
                service, in_turns([Request(path="/v1/search?q=" + quote_plus(text)) for text in queries[:_WARM]])
            ),
            "cached, POST never sent before": (
                service, lambda: post({"query": queries[next(numbers) % _WARM], "timeout_ms": 1_000 + next(numbers)})
            ),
            "uncached, POST": (service, lambda: post({"query": next(anew), "use_cache": False})),
        }  # fmt: skip
        low = ("cached, POST", "constant, GET")
        for server, ask in arms.values():  # twice each: known from then on
            await load_of(server, ask, 1.5, 4)
        per_s: dict[str, list[float]] = {name: [] for name in arms}
        cpu_us: dict[str, list[float]] = {name: [] for name in arms}
        took: dict[str, list[float]] = {name: [] for name in arms}
        took_low: dict[str, list[float]] = {name: [] for name in low}
        for _ in range(options.rounds):
            for name, (server, ask) in arms.items():
                load, cpu = await load_of(server, ask, options.seconds, options.connections)
                per_s[name].append(load.per_s)
                cpu_us[name].append(cpu)
                took[name] += load.took_s
            for name in low:
                load, _ = await load_of(*arms[name], options.seconds, 1, pause_s=0.01)
                took_low[name] += load.took_s
    return {
        "bytes of an answer": once.n_bytes,
        "connections": options.connections,
        "arms": {
            name: {
                "requests_per_s": round(float(np.median(per_s[name])), 1),
                "cpu_us": round(float(np.median(cpu_us[name]))),
                "least_cpu_us": round(min(cpu_us[name])),
                **quantiles(took[name]),
            }
            for name in arms
        },
        "rate beside the constant": {
            f"{ours} / {theirs}": ratio_of_medians(per_s[ours], per_s[theirs])
            for ours in arms if ours.startswith("cached")
            for theirs in arms if theirs.startswith("constant")
        },
        "one connection, an answer every 10 ms": {name: quantiles(times) for name, times in took_low.items()},
    }  # fmt: skip


def quantiles(seconds: list[float]) -> dict[str, float]:
    return {
        f"p{q}_ms": round(float(np.quantile(seconds, q / 100)) * 1000, 2) for q in (50, 95, 99)
    } | {"n": len(seconds)}  # fmt: skip


# ---------------------------------------------------------------- soak


async def soak(options: argparse.Namespace) -> dict[str, Any]:
    """Of 20 requests 15 popular searches, 4 further pages, and one search that nobody asked before: thousands of them,
    and caches that have room for some hundred."""
    queries, chance = judged_queries(), random.Random(7)
    words = sorted({word for text in queries for word in text.split()})
    tokens: list[str] = []

    def next_request() -> Request:
        kind = chance.random()
        if kind < 0.75:
            return post({"query": chance.choice(queries[:40])})
        if kind < 0.95 and tokens:
            return post({"page_token": chance.choice(tokens), "from": chance.choice((10, 20, 30)), "size": 10})
        return post({"query": " ".join(chance.sample(words, 3)), "facets": ["brand:5"]})

    def keep_token(_: Request, answer: bytes) -> None:
        at = answer.find(b'"token":"')
        token = answer[at + 9 : answer.find(b'"', at + 9)].decode()
        if token:
            tokens.append(token)
            del tokens[:-200]

    rss: dict[int, float] = {}
    with search_process(
        engine=options.index, blender=options.blender, keep_vectors=True, cache_memory_mb=16, cache_vectors_mb=1
    ) as service:
        done = 0
        while done < options.requests:
            n = min(options.every, options.requests - done)
            load = await run_load(service.host, service.port, next_request, connections=4, most=n, on_answer=keep_token)
            done += len(load.took_s)
            rss[done] = round(service.rss_mb(), 1)
            print(done, "requests", rss[done], "MB", dict(load.statuses), f"{load.per_s:.0f}/s", file=sys.stderr)
    return {"rss_mb": rss}


# ---------------------------------------------------------------- flood


async def flood(options: argparse.Namespace) -> dict[str, Any]:
    """A shop at half its rate: alone, beside another key that keeps to its rate, and while that one asks by 32
    connections as often as it can. In turns."""
    queries = judged_queries()
    keys = {"shop": new_key(), "other": new_key()}
    with search_process(
        engine=options.index,
        blender=options.blender,
        keep_vectors=False,
        api_keys=",".join(key_line(name, Role.SEARCH, key) for name, key in keys.items()),
        rate_per_s=options.rate,
        rate_burst=max(1, options.rate // 4),
    ) as service:

        def asking(who: str, *, use_cache: bool) -> Callable[[], Request]:
            texts = queries[:_WARM] if use_cache else queries
            return in_turns(
                [post({"query": text, "use_cache": use_cache}, **{"x-api-key": keys[who]}) for text in texts]
            )

        async def load(who: str, use_cache: bool, seconds: float, connections: int, pause_s: float) -> Load:
            ask = asking(who, use_cache=use_cache)
            return await run_load(
                service.host, service.port, ask, seconds=seconds, connections=connections, pause_s=pause_s
            )

        def others(state: str, use_cache: bool) -> list[asyncio.Task[Load]]:
            """What the other key does meanwhile; it begins a little before, so that its burst is over."""
            given = {"alone": None, "beside": (1, 1.0 / options.rate), "flooded": (32, 0.0)}[state]
            return [asyncio.create_task(load("other", use_cache, options.seconds + _LEAD_S, *given))] if given else []

        found: dict[str, Any] = {}
        for name, use_cache in {"cached": True, "uncached": False}.items():
            took: dict[str, list[float]] = {"alone": [], "beside": [], "flooded": []}
            answered: Counter[int] = Counter()
            await load("shop", use_cache, 3.0, 1, 2.0 / options.rate)
            for _ in range(options.rounds):
                for state, times in took.items():
                    tasks = others(state, use_cache)
                    await asyncio.sleep(_LEAD_S)
                    shop = await load("shop", use_cache, options.seconds, 1, 2.0 / options.rate)
                    if set(shop.statuses) != {200}:
                        raise SystemExit(f"the shop was answered {dict(shop.statuses)}")
                    times += shop.took_s
                    for other in await asyncio.gather(*tasks):
                        answered.update(other.statuses if state == "flooded" else {})
            p95 = {state: float(np.quantile(times, 0.95)) for state, times in took.items()}
            found[name] = {
                **{state: quantiles(times) for state, times in took.items()},
                "p95 flooded / alone": round(p95["flooded"] / p95["alone"], 2),
                "p95 flooded / beside": round(p95["flooded"] / p95["beside"], 2),
                "the flood was answered": dict(answered),
            }
    return {"rate_per_s of a key": options.rate, "arms": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["compare", "soak", "flood"])
    parser.add_argument("--index", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument("--blender", type=Path, help="folder of a trained blender; without it: WeightedSum")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--every", type=int, default=20_000)
    parser.add_argument("--rate", type=int, default=100, help="flood: requests a second that a key may ask")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = asyncio.run({"compare": compare, "soak": soak, "flood": flood}[options.what](options))
    write_result(
        f"http_{options.what}", {"fusion": "blender" if options.blender else "weighted_sum", **found}, options.out
    )


if __name__ == "__main__":
    main()
