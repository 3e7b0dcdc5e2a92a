"""Price changes a second: partial updates of an index of 19,406 products, each with a version, until all are committed.

    python -m benchmarks.partial_updates --url embedded:/tmp/updates
    python -m benchmarks.partial_updates --url elasticsearch+http://127.0.0.1:9200

Every round changes the price and the stock of every product once, in another random order, with a version above the
last; it ends with a refresh, after which all prices are read back and compared. An engine keeps its vectors meanwhile.
"""

from __future__ import annotations

import argparse
import random
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import write_result
from benchmarks.ready import Ready, ready_products
from multirecall.engines.base import Engine, Update, Upsert
from multirecall.engines.opening import EngineAccess, open_engine


def fill(engine: Engine, ready: Ready) -> str:
    index = engine.create(ready.schema)
    written = sum(r.ok for r in engine.write((Upsert(product=p, version=1) for p in ready.products), index=index))
    if written != len(ready.products):
        raise SystemExit(f"{written} of {len(ready.products)} products were written")
    engine.refresh(index=index)
    return index


def update_all(engine: Engine, index: str, ids: Sequence[str], number: int) -> float:
    """Updates a second in one round."""
    order = random.Random(number).sample(ids, len(ids))
    writes = [
        Update(id=product_id, fields={"price_minor": number * 100_000 + n, "in_stock": n % 2 == 0}, version=number)
        for n, product_id in enumerate(order)
    ]
    started = time.perf_counter()
    failed = [result for result in engine.write(writes, index=index) if result.status != "updated"]
    engine.refresh(index=index)
    seconds = time.perf_counter() - started
    if failed:
        raise SystemExit(f"{len(failed)} updates failed, the first: {failed[0]}")
    wanted = {write.id: write.fields["price_minor"] for write in writes}
    found = {record["id"]: record.get("price_minor") for record in engine.scan(["price_minor"], index=index)}
    if found != wanted:
        raise SystemExit("the prices read back are not those written")
    return len(ids) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="embedded:FOLDER, elasticsearch+http://…, opensearch+http://…")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--encoder", default="static")
    parser.add_argument("--out", type=Path, default=None, help="folder for the JSON result")
    given = parser.parse_args()
    kind = given.url.partition("+")[0].partition(":")[0]
    name = "" if kind == "embedded" else f"/bench-{uuid.uuid4().hex[:8]}"
    ready = ready_products(encoder_spec=given.encoder, vector_index="int8_hnsw")
    ids = [product.id for product in ready.products]
    with open_engine(given.url + name, access=EngineAccess(timeout_s=60), create=True) as engine:
        index = fill(engine, ready)
        try:
            rates = [update_all(engine, index, ids, number) for number in range(2, given.rounds + 3)][1:]
        finally:
            engine.drop(index)
    write_result(
        f"partial_updates_{kind}",
        {
            "products": len(ids),
            "vector": {"dim": ready.encoder.dim, "index": "int8_hnsw"},
            "updates_per_s": [round(rate) for rate in rates],
            "median": round(sorted(rates)[len(rates) // 2]),
            "target": "4,000 a second on the embedded engine",
        },
        given.out,
    )


if __name__ == "__main__":
    main()
