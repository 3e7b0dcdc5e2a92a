"""What the Python client costs beside plain httpx: searches with ten hits, and bulk writes.

    python -m benchmarks.client

A service of constants in a process of its own answers both arms in turns, so that what differs is the client's.
Processor time of this process counts (wall time holds the service's too). Plain httpx sends one `json=` a chunk and
reads `.json()`; the client gives typed results, and a result for each change.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from benchmarks.measure import write_result
from multirecall_client import Client

N_PRODUCTS, CHUNK, N_SEARCHES, N_ROUNDS = 20_000, 500, 300, 5

PRODUCT: dict[str, Any] = {
    "title": "Black toner cartridge for laser printers, 2,500 pages",
    "description": "Prints sharp text, lasts long. " * 13,
    "brand": "HP",
    "price": "49.90",
    "currency": "EUR",
    "category": "Printing > Toner",
    "attributes": {"colour": "Black", "pages": 2500},
}


def page() -> dict[str, Any]:
    """An answer with ten hits, as the service writes it."""
    routes = ("lexical", "dense")
    hits = [
        {
            "id": f"p{n}",
            "rank": n + 1,
            "score": 1.0 - n / 10,
            "product": {"id": f"p{n}", **PRODUCT, "price_minor": 4990},
            "sources": [{"route": route, "rank": n + 1, "score": 0.3, "contribution": 0.5} for route in routes],
        }
        for n in range(10)
    ]
    return {
        "hits": {"total": {"value": 812, "relation": "at_least"}, "hits": hits},
        "routes": {route: {"status": "ok", "hits": 100, "total": 812, "took_ms": 1.2} for route in routes},
        "aggregations": {"brand": {"buckets": [{"key": f"b{n}", "count": n} for n in range(10)]}},
        "page": {"token": "x" * 400, "from": 0, "size": 10, "has_more": True, "gone": []},
    }


def serve(listening: socket.socket) -> None:
    """Answers every search with the same page, and every write with `applied`."""
    found = json.dumps(page()).encode()
    item = b'{"id":"p1","status":"applied","error":"","field":""}'

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        written = b'{"items":[' + b",".join([item] * body.count(b'"id":')) + b"]}"
        answer = found if scope["path"] == "/v1/search" else written
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")).run(sockets=[listening])


def processor_s(arms: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least processor seconds of each arm over the rounds, which are taken in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(N_ROUNDS + 1):
        for name, arm in arms.items():
            started = time.process_time()
            arm()
            if number:  # the first is to warm up
                seconds[name].append(time.process_time() - started)
    return {name: float(np.min(values)) for name, values in seconds.items()}


def main() -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    service = multiprocessing.get_context("fork").Process(target=serve, args=(listening,), daemon=True)
    service.start()
    rows = [{"id": f"p{n}", **PRODUCT} for n in range(N_PRODUCTS)]
    with httpx.Client(base_url=url, timeout=60.0) as plain, Client(url) as client:

        def plain_writes() -> None:
            for start in range(0, N_PRODUCTS, CHUNK):
                sent = plain.post("/v1/products", json={"products": rows[start : start + CHUNK]})
                assert len(sent.raise_for_status().json()["items"]) == CHUNK

        def plain_searches() -> None:
            for _ in range(N_SEARCHES):
                plain.post("/v1/search", json={"query": "toner"}).raise_for_status().json()

        def client_searches() -> None:
            for _ in range(N_SEARCHES):
                client.search("toner")

        def client_writes() -> None:
            assert client.bulk_upsert(rows, chunk_items=CHUNK).counts["applied"] == N_PRODUCTS

        writes = processor_s({"httpx": plain_writes, "client": client_writes})
        searches = processor_s({"httpx": plain_searches, "client": client_searches})
    service.terminate()
    service.join()
    write_result(
        "client",
        {
            "bytes_of_a_product": len(json.dumps(rows[0])),
            "bytes_of_a_page": len(json.dumps(page())),
            "processor_us_per_product": {name: round(1e6 * took / N_PRODUCTS, 1) for name, took in writes.items()},
            "processor_ms_per_search": {name: round(1e3 * took / N_SEARCHES, 2) for name, took in searches.items()},
        },
        Path(__file__).parent / "results",
    )


if __name__ == "__main__":
    main()
