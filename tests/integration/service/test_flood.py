"""One key floods the service by many connections; another one that keeps to its rate hardly notices.

How much it notices is measured by `benchmarks/http_search.py flood`; here the margin is wide, for busy machines.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.http_load import Load, Request, run_load
from benchmarks.http_servers import Served, search_process
from multirecall.service.keys import Role, key_line, new_key
from tests.support.http_service import index_products

KEYS = {"shop": new_key(), "flood": new_key()}
RATE = 20
PRODUCTS = [{"id": str(n), "title": f"toner {n}", "brand": "HP", "price": "9.90"} for n in range(40)]


def asking(who: str) -> Callable[[], Request]:
    body = json.dumps({"query": "toner"}).encode()
    return lambda: Request(method="POST", path="/v1/search", body=body, headers={"x-api-key": KEYS[who]})


async def alone_and_flooded(service: Served) -> tuple[list[float], list[float], Load]:
    async def shop() -> list[float]:
        load = await run_load(
            service.host, service.port, asking("shop"), seconds=0.8, connections=1, pause_s=2.0 / RATE
        )
        assert set(load.statuses) == {200}
        return load.took_s

    await shop()
    alone, flooded = [], []
    for _ in range(2):
        alone += await shop()
        flood = asyncio.create_task(run_load(service.host, service.port, asking("flood"), seconds=1.0, connections=32))
        await asyncio.sleep(0.2)
        flooded += await shop()
        refused = await flood
    return alone, flooded, refused


def test_a_flood_by_one_key_is_refused_and_slows_another_little(tmp_path: Path) -> None:
    engine = index_products(PRODUCTS, tmp_path)
    lines = ",".join(key_line(name, Role.SEARCH, key) for name, key in KEYS.items())
    with search_process(
        engine=engine, blender=None, keep_vectors=True, api_keys=lines, rate_per_s=RATE, rate_burst=5, page=False
    ) as service:
        alone, flooded, flood = asyncio.run(alone_and_flooded(service))
    assert flood.statuses[200] < 2 * (RATE + 5)
    assert flood.statuses[429] > 0
    assert np.quantile(flooded, 0.95) < 3 * np.quantile(alone, 0.95) + 0.1
