"""Our bulk loop against the official client's `parallel_bulk`: the same ready products, alternately, docs per second.

    python -m benchmarks.bulk_indexing --url elasticsearch+http://127.0.0.1:9200

Each arm fills a new index of the same settings, from the same records and vectors, until all products are visible.
The client's helper gets the products as a user would hand them over: dictionaries with the vector as a list of
numbers, its defaults otherwise (`--chunk` and `--threads` for both).
"""

from __future__ import annotations

import argparse
import itertools
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import elasticsearch
import opensearchpy
from elasticsearch.helpers import parallel_bulk as elasticsearch_bulk
from opensearchpy.helpers import parallel_bulk as opensearch_bulk

from benchmarks.measure import interleaved, ratio_of_medians, write_result
from benchmarks.ready import Ready, ready_products
from multirecall.engines.base import Upsert
from multirecall.engines.servers.bulk import BulkLimits
from multirecall.engines.servers.elasticsearch import ElasticsearchEngine
from multirecall.engines.servers.engine import ServerEngine
from multirecall.engines.servers.names import escaped
from multirecall.engines.servers.opensearch import OpenSearchEngine


def actions(ready: Ready, index: str) -> Iterator[dict[str, Any]]:
    """The products as actions of the official helpers."""
    for product in ready.products:
        source = {name: value for name, value in product.fields.items() if value is not None}
        if "attribute_numbers" in source:
            source["attribute_numbers"] = {escaped(k): v for k, v in source["attribute_numbers"].items()}
        source["vectors"] = {name: vector.tolist() for name, vector in product.vectors.items()}
        yield {"_op_type": "index", "_index": index, "_id": product.id, "_source": source}


def official(address: str, kind: str, chunk: int, threads: int) -> Callable[[Ready, str], None]:
    def fill(ready: Ready, index: str) -> None:
        if kind == "elasticsearch":
            client = elasticsearch.Elasticsearch(address, request_timeout=120)
            results = elasticsearch_bulk(client, actions(ready, index), chunk_size=chunk, thread_count=threads)
        else:
            client = opensearchpy.OpenSearch(address, timeout=120)
            results = opensearch_bulk(client, actions(ready, index), chunk_size=chunk, thread_count=threads)
        deque(results, maxlen=0)
        client.indices.refresh(index=index)
        client.close()

    return fill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="elasticsearch+http://host:port or opensearch+http://host:port")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--products", type=int, default=None, help="only so many products")
    parser.add_argument("--encoder", default="static")
    parser.add_argument("--vector-index", default="int8_hnsw")
    parser.add_argument("--chunk", type=int, default=500)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--out", type=Path, default=None, help="folder for the JSON result")
    given = parser.parse_args()
    kind, _, address = given.url.partition("+")
    ready = ready_products(encoder_spec=given.encoder, vector_index=given.vector_index, limit=given.products)
    name = f"bench-{uuid.uuid4().hex[:8]}"
    opened = {"elasticsearch": ElasticsearchEngine, "opensearch": OpenSearchEngine}[kind]
    limits = BulkLimits(max_chunk_count=given.chunk, max_in_flight=given.threads)
    theirs = official(address, kind, given.chunk, given.threads)
    with opened.open(address, name, timeout_s=60, limits=limits) as engine:

        def arm(fill: Callable[[str], object]) -> Callable[[int], object]:
            def run(_: int) -> None:
                index = made.pop()
                fill(index)
                if engine.info(index=index).count != len(ready.products):
                    raise SystemExit(
                        f"{index} holds {engine.info(index=index).count} of {len(ready.products)} products"
                    )

            return run

        def ours(index: str) -> None:
            failed = [r for r in engine.write((Upsert(product=p) for p in ready.products), index=index) if not r.ok]
            if failed:
                raise SystemExit(f"{len(failed)} products failed, the first: {failed[0]}")
            engine.refresh(index=index)

        made: list[str] = []
        seconds: dict[str, list[float]] = {"ours": [], "official": []}
        arms = {"ours": arm(ours), "official": arm(lambda index: theirs(ready, index))}
        try:
            for number in range(given.rounds + 1):  # the first round warms the server up and does not count
                order = dict(itertools.islice(itertools.cycle(arms.items()), number % 2, number % 2 + 2))
                for arm_name, run in order.items():
                    made.append(engine.create(ready.schema))
                    [taken] = interleaved({arm_name: run}, 1)[arm_name]
                    drop_all(engine)
                    if number:
                        seconds[arm_name].append(float(taken))
        finally:
            drop_all(engine)
    rates = {arm_name: [len(ready.products) / s for s in values] for arm_name, values in seconds.items()}
    write_result(
        f"bulk_indexing_{kind}",
        {
            "products": len(ready.products),
            "vector": {"dim": ready.encoder.dim, "index": given.vector_index},
            "chunk": given.chunk,
            "threads": given.threads,
            "docs_per_s": {arm_name: [round(r) for r in values] for arm_name, values in rates.items()},
            "ours_to_official": ratio_of_medians(rates["ours"], rates["official"]),
            "target": "ratio of at least 0.9",
        },
        given.out,
    )


def drop_all(engine: ServerEngine) -> None:
    for info in engine.indexes():
        engine.drop(info.name)


if __name__ == "__main__":
    main()
