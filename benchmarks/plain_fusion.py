"""The blender beside what plain settings give: the yardstick that its aim of +.08 was written against.

    python -m benchmarks.plain_fusion --server http://127.0.0.1:9200 --engine embedded:.multirecall/quality/icecat-onnx

Puts the catalogue's texts into an Elasticsearch index of its own (analyzer `english`, no tuning), asks it by
`multi_match` of type `cross_fields` (title^3, description, brand^2, attributes^0.5), and fuses that half and half with
the dense route's cosines, both scaled to 0..1 by their least and greatest, 100 of each. The blender is the one of
`benchmarks.blender`: five folds by query, scored on queries that it did not learn from. The index is dropped
at the end.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk

from benchmarks.blender import MEASURE, collected, difference, figures, without_rewritings
from benchmarks.measure import write_result
from multirecall.engines.analysis import terms
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.training.blender.cross_validation import cross_validate, score
from multirecall.training.blender.examples import Featuriser
from multirecall.training.blender.growing import Growing
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

FIELDS = ("title^3", "description", "brand^2", "attributes^0.5")
DEPTH = 100


def plain_index(server: Elasticsearch, engine_url: str) -> str:
    """A new index with the catalogue's texts; returns its name."""
    name = f"plain-{uuid4().hex[:12]}"
    text = {"type": "text", "analyzer": "english"}
    server.indices.create(
        index=name,
        settings={"number_of_shards": 1, "number_of_replicas": 0},
        mappings={"properties": {field.partition("^")[0]: text for field in FIELDS}},
    )
    with opened_engine(load_settings(), engine_url) as engine:
        rows = engine.scan(["title", "description", "brand", "attributes"])
        documents = (
            {
                "_index": name,
                "_id": row["id"],
                "title": row.get("title", ""),
                "description": row.get("description", ""),
                "brand": row.get("brand", ""),
                "attributes": " ".join(f"{key} {value}" for key, value in (row.get("attributes") or {}).items()),
            }
            for row in rows
        )
        bulk(server, documents, refresh=True)
    return name


def scaled(scores: Mapping[str, float]) -> dict[str, float]:
    """To 0..1 by the least and the greatest."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {name: (value - low) / (high - low) if high > low else 1.0 for name, value in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="Elasticsearch, e.g. http://127.0.0.1:9200")
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    queries, judgments = read_queries(options.data / "queries.tsv"), read_judgments(options.data / "judgments.tsv")
    found, counted, language = collected(load_settings(engine=options.engine), queries, judgments, DEPTH)
    pools = without_rewritings(found)  # so that both sides know the query as it was typed
    pools.sort(key=lambda pool: pool.qid)

    plain: dict[str, list[float]] = {"BM25 plain": [], "dense": [], "min-max .5/.5, plain": []}
    with Elasticsearch(options.server, request_timeout=60) as server:
        index = plain_index(server, options.engine)
        try:
            for pool in pools:
                match = {"query": pool.query.raw, "type": "cross_fields", "fields": list(FIELDS)}
                answer = server.search(index=index, query={"multi_match": match}, size=DEPTH, source=False)
                lexical = {hit["_id"]: hit["_score"] for hit in answer["hits"]["hits"]}
                found = next(r for r in pool.rankings if r.route == "dense")
                dense = {hit.id: hit.score for hit in found.hits}
                a, b = scaled(lexical), scaled(dense)
                fused = {name: 0.5 * a.get(name, 0.0) + 0.5 * b.get(name, 0.0) for name in {*a, *b}}
                for system, scores in zip(plain, (lexical, dense, fused), strict=True):
                    ranked = sorted(scores, key=lambda name: (-scores[name], name))
                    plain[system].append(MEASURE(ranked, pool.grades))
        finally:
            server.indices.delete(index=index)

    routes = tuple(sorted({r.route for pool in pools for r in pool.rankings}))
    features = FeatureSet(routes=routes)
    featuriser = Featuriser(
        features=features, analyse=partial(terms, language=language), terms=counted, language=language
    )
    folds = cross_validate(pools, featuriser, Growing(seed=options.seed), seed=options.seed)
    ours = figures(score(folds, featuriser), pools)
    result = {name: difference(ours, np.array(values)) for name, values in plain.items()}
    write_result("plain_fusion", result, options.out)


if __name__ == "__main__":
    main()
