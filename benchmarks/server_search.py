"""Hybrid search through us against a bare client's `_msearch` with the same two bodies, alternately.

    python -m benchmarks.server_search --url elasticsearch+http://127.0.0.1:9200

Arms, each asked the same query in every round: `bare` (the official client sends the two bodies and returns their
JSON), `engine` (Engine.search_many with the same two requests), `searcher` (the whole path: understanding, encoding,
both routes, fusion and the page of ten bodies; its typo fallback is switched off, because it is a further search).
"""

from __future__ import annotations

import argparse
import json
import uuid
from pathlib import Path
from typing import Any

import elasticsearch
import httpx
import opensearchpy

from benchmarks.measure import interleaved, quantiles_ms, ratio_of_medians, write_result
from benchmarks.ready import Ready, ready_products
from multirecall.core.deadline import Deadline
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import EngineRequest, Text, Upsert, Vector
from multirecall.engines.servers.elasticsearch import ElasticsearchEngine
from multirecall.engines.servers.engine import ServerEngine
from multirecall.engines.servers.opensearch import OpenSearchEngine
from multirecall.engines.servers.search_body import search_body
from multirecall.engines.servers.transport import dumps
from multirecall.fusion.opening import open_fusion
from multirecall.recall.dense import DenseRoute
from multirecall.recall.lexical import LexicalRoute
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand

TIMEOUT_S = 5.0


def filled(engine: ServerEngine, ready: Ready) -> None:
    index = engine.create(ready.schema)
    failed = [r for r in engine.write((Upsert(product=p) for p in ready.products), index=index) if not r.ok]
    if failed:
        raise SystemExit(f"{len(failed)} products failed, the first: {failed[0]}")
    engine.refresh(index=index)
    engine.swap(index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="elasticsearch+http://host:port or opensearch+http://host:port")
    parser.add_argument("--rounds", type=int, default=694, help="queries asked of each arm")
    parser.add_argument("--products", type=int, default=None, help="only so many products")
    parser.add_argument("--encoder", default="static")
    parser.add_argument("--vector-index", default="int8_hnsw")
    parser.add_argument("--k", type=int, default=100, help="hits of each route")
    parser.add_argument("--out", type=Path, default=None, help="folder for the JSON result")
    given = parser.parse_args()
    kind, _, address = given.url.partition("+")
    ready = ready_products(encoder_spec=given.encoder, vector_index=given.vector_index, limit=given.products)
    name = f"bench-{uuid.uuid4().hex[:8]}"
    opened = {"elasticsearch": ElasticsearchEngine, "opensearch": OpenSearchEngine}[kind]
    queries = [understand(text) for text in ready.queries]
    vectors = ready.encoder.encode_queries([query.text for query in queries])
    requests = [
        [
            EngineRequest(clause=Text(text=query.text, codes=query.codes), k=given.k),
            EngineRequest(clause=Vector(field="dense", vector=vector), k=given.k),
        ]
        for query, vector in zip(queries, vectors, strict=True)
    ]
    with opened.open(address, name, timeout_s=60) as engine:
        filled(engine, ready)
        bodies = [as_plain(pair, ready, engine) for pair in requests]
        client: Any = (
            elasticsearch.Elasticsearch(address) if kind == "elasticsearch" else opensearchpy.OpenSearch(address)
        )
        searcher = Searcher(
            engine,
            routes=(LexicalRoute(k=given.k, fuzzy_below=0), DenseRoute(k=given.k)),
            fusion=open_fusion("weighted_sum"),
            encoders={"dense": ready.encoder},
            timeout_s=TIMEOUT_S,
        )

        def bare(number: int) -> None:
            lines = bodies[number % len(bodies)]
            answer = client.msearch(index=name, **{"searches" if kind == "elasticsearch" else "body": lines})
            if any("error" in response for response in answer["responses"]):
                raise SystemExit(str(answer)[:500])

        def ours(number: int) -> None:
            results = engine.search_many(requests[number % len(requests)], Deadline.after(TIMEOUT_S))
            if any(result.status is not RouteStatus.OK for result in results):
                raise SystemExit(str(results)[:500])

        def whole(number: int) -> None:
            searcher.search(queries[number % len(queries)])

        try:
            arms = {"bare": bare, "engine": ours, "searcher": whole}
            seconds = interleaved(arms, given.rounds, warm_up=len(queries))
        finally:
            searcher.close()
            client.close()
            live = engine.info().name
            client_delete(address, live)
    write_result(
        f"server_search_{kind}",
        {
            "products": len(ready.products),
            "vector": {"dim": ready.encoder.dim, "index": given.vector_index, "encoder": ready.encoder.name},
            "k": given.k,
            "latency": {arm: quantiles_ms(values) for arm, values in seconds.items()},
            "engine_to_bare": ratio_of_medians(list(seconds["engine"]), list(seconds["bare"])),
            "searcher_to_bare": ratio_of_medians(list(seconds["searcher"]), list(seconds["bare"])),
            "target": "engine_to_bare of at most 1.3",
        },
        given.out,
    )


def as_plain(pair: list[EngineRequest], ready: Ready, engine: ServerEngine) -> list[Any]:
    """The lines of an `_msearch` as plain JSON values, which any client can send."""
    lines: list[Any] = []
    for request in pair:
        body = search_body(request, ready.schema, engine.dialect, int(TIMEOUT_S * 1000))
        lines += [{}, json.loads(dumps(body))]
    return lines


def client_delete(address: str, index: str) -> None:
    """The live index cannot be dropped through the engine, and a benchmark leaves nothing behind."""
    httpx.delete(f"{address}/{index}", trust_env=False, timeout=30).raise_for_status()


if __name__ == "__main__":
    main()
