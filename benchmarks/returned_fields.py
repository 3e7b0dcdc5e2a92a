"""What it costs that a fusion sees seven stored values of every hit: search, index size, indexing.

    python -m benchmarks.returned_fields --url embedded
    python -m benchmarks.returned_fields --url elasticsearch+http://127.0.0.1:9200

Both routes (words and nearest vectors, k hits each) in one `search_many`, the same query with and without the values in
turns. Of several turns the fastest of each query and arm counts: what other programs take of the machine is not asked
here. Two indexes of the same products are filled in turns, with and without `match_text`; the faster filling of
each counts. On a server they are merged to one segment before their sizes are read. What making the match texts takes
is told apart, since products come ready here.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.measure import interleaved, quantiles_ms, ratio_of_medians, write_result
from benchmarks.ready import Ready, ready_products
from multirecall.core.deadline import Deadline
from multirecall.core.match_text import MAX_MATCH_TEXT_CHARS
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Engine, EngineRequest, IndexedProduct, Text, Upsert, Vector
from multirecall.engines.opening import EngineAccess, open_engine
from multirecall.indexer.applying import product_of_record
from multirecall.indexer.match_texts import match_text
from multirecall.search.understand import understand

FIELDS = ("brand", "category", "price_minor", "popularity", "in_stock", "updated_at", "match_text")
COLUMNS = FIELDS[:-1]


def without_words(product: IndexedProduct) -> IndexedProduct:
    return replace(product, fields={name: value for name, value in product.fields.items() if name != "match_text"})


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    if url != "embedded":
        access = EngineAccess(timeout_s=120.0)
        with open_engine(f"{url}/bench-{uuid.uuid4().hex[:8]}", access=access) as engine:
            yield engine
        return
    with tempfile.TemporaryDirectory() as folder, open_engine(f"embedded:{folder}/index", create=True) as engine:
        yield engine


def filled(engine: Engine, ready: Ready, products: Sequence[IndexedProduct]) -> tuple[str, float]:
    """A new index of the products, and the seconds until all of them are visible."""
    index = engine.create(ready.schema)
    started = time.perf_counter()
    try:
        failed = [r for r in engine.write((Upsert(product=p) for p in products), index=index) if not r.ok]
        engine.refresh(index=index)
    except BaseException:
        engine.drop(index)
        raise
    if failed:
        raise SystemExit(f"{len(failed)} products failed, the first: {failed[0]}")
    return index, time.perf_counter() - started


def merged_bytes(url: str, engine: Engine, index: str) -> int:
    if url != "embedded":
        address = f"{url.partition('+')[2]}/{index}"
        for call in ("_forcemerge?max_num_segments=1", "_flush?force=true"):
            httpx.post(f"{address}/{call}", trust_env=False, timeout=120).raise_for_status()
    return engine.info(index=index).bytes


def making_us(ready: Ready) -> float:
    """Microseconds per product that the projection takes to make its match text."""
    parts = [
        (
            product_of_record(made.fields),
            made.fields.get("codes", []),
            made.fields.get("attributes_text", "").split("\n"),
        )
        for made in ready.products
    ]
    started = time.perf_counter()
    for product, codes, spoken in parts:
        match_text(product, codes=codes, spoken=spoken, language=ready.schema.language).to_text()
    return (time.perf_counter() - started) / len(parts) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="embedded, or elasticsearch+http://host:port, or opensearch+…")
    parser.add_argument("--queries", type=int, default=200, help="asked of each arm")
    parser.add_argument("--turns", type=int, default=5, help="of each query")
    parser.add_argument("--products", type=int, default=None, help="only so many products")
    parser.add_argument("--fillings", type=int, default=2, help="of each index")
    parser.add_argument("--k", type=int, default=100, help="hits of each route")
    parser.add_argument("--out", type=Path, default=None, help="folder for the JSON result")
    given = parser.parse_args()
    vector_index = "hnsw" if given.url.startswith("opensearch") else "int8_hnsw"
    ready = ready_products(encoder_spec="static", vector_index=vector_index, limit=given.products)
    lengths = sorted(len(made.fields["match_text"]) for made in ready.products)
    arms = {"with": ready.products, "without": tuple(map(without_words, ready.products))}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    with opened(given.url) as engine:
        indexes: dict[str, str] = {}
        try:
            for turn in range(given.fillings):
                for name in sorted(arms, reverse=bool(turn % 2)):
                    if name in indexes:
                        engine.drop(indexes.pop(name))
                    indexes[name], took = filled(engine, ready, arms[name])
                    seconds[name].append(took)
            sizes = {name: merged_bytes(given.url, engine, index) for name, index in indexes.items()}
            latency = searched(engine, indexes["with"], ready, given.k, given.queries, given.turns)
        finally:
            for index in indexes.values():
                engine.drop(index)
    n = len(ready.products)
    kind = given.url.partition("+")[0]
    write_result(
        f"returned_fields_{kind}",
        {
            "products": n,
            "k": given.k,
            "match_text_chars": {
                "mean": round(sum(lengths) / n), "p95": lengths[int(0.95 * n)],
                "cut": sum(length > MAX_MATCH_TEXT_CHARS - 40 for length in lengths),
            },
            "latency": {arm: quantiles_ms(values) for arm, values in latency.items()},
            "over_none_ms": {
                arm: round(float(np.median(values - latency["none"]) * 1000), 3) for arm, values in latency.items()
            },
            "all_to_none": ratio_of_medians(list(latency["all"]), list(latency["none"])),
            "columns_to_none": ratio_of_medians(list(latency["columns"]), list(latency["none"])),
            "bytes": sizes,
            "products_per_s": {name: round(n / min(took)) for name, took in seconds.items()},
            "making_us_per_product": round(making_us(ready), 1),
        },
        given.out,
    )  # fmt: skip


def searched(engine: Engine, index: str, ready: Ready, k: int, n_queries: int, turns: int) -> dict[str, Any]:
    """Seconds per query with no values, with all but the words, and with all: the fastest of the turns."""
    queries = [understand(text) for text in ready.queries[:n_queries]]
    vectors = ready.encoder.encode_queries([query.text for query in queries])

    def asking(fields: tuple[str, ...]) -> Any:
        def ask(number: int) -> None:
            query, vector = queries[number % len(queries)], vectors[number % len(queries)]
            requests = [EngineRequest(clause=Text(text=query.text, codes=query.codes), k=k, fields=fields)]
            if vector.any():
                requests.append(EngineRequest(clause=Vector(field="dense", vector=vector), k=k, fields=fields))
            results = engine.search_many(requests, Deadline.after(10.0), index=index)
            if any(result.status is not RouteStatus.OK for result in results):
                raise SystemExit(str(results)[:500])

        return ask

    arms = {"none": asking(()), "columns": asking(COLUMNS), "all": asking(FIELDS)}
    seconds = interleaved(arms, len(queries) * turns, warm_up=len(queries))
    return {arm: values.reshape(turns, len(queries)).min(axis=0) for arm, values in seconds.items()}


if __name__ == "__main__":
    main()
