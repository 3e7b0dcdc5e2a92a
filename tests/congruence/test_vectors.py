"""Vector search: exact scores, and nearly all of the nearest products."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.engines.base import EngineRequest, Vector
from tests.congruence.conftest import Record
from tests.congruence.pairs import Pair, filled, pair_schema
from tests.support.random_filters import random_filter

QUERIES = 60
SCORE_TOLERANCE = 1e-4

RECALL_FLOORS = {"hnsw": 0.99, "int8_hnsw": 0.95, "bbq_hnsw": 0.80, "flat": 0.999}
"""Least mean recall@10 against the exact engine, by kind of index, with the adapter's default candidates.

Measured: 1.0, but OpenSearch's int8_hnsw .97 and Elasticsearch's bbq_hnsw .86 (64 dimensions are few for one bit
each)."""


def _recall(exact: list[str], other: list[str]) -> float:
    return len(set(exact) & set(other)) / len(exact) if exact else 1.0


def test_scores_are_exact_and_recall_is_high(pair: Pair, record: Record) -> None:
    rng = np.random.default_rng(pair.catalogue.seed + 1)
    everyone = len(pair.catalogue.products)
    requests = [
        EngineRequest(
            clause=Vector(field="dense", vector=pair.catalogue.vector(rng)),
            k=10,
            filter=random_filter(rng, pair.catalogue) if n % 2 else None,
        )
        for n in range(QUERIES)
    ]
    truth = [
        exact
        for exact, _ in Pair(catalogue=pair.catalogue, exact=pair.exact, other=pair.exact, spare=pair.spare).answers(
            [EngineRequest(clause=r.clause, k=everyone, filter=r.filter) for r in requests]
        )
    ]
    recalls = []
    for request, all_scores, (exact, other) in zip(requests, truth, pair.answers(requests), strict=True):
        cosines = {hit.id: hit.score for hit in all_scores.hits}
        assert len(other.hits) == min(10, len(cosines)), request.filter
        for hit in other.hits:
            assert hit.score == pytest.approx(cosines[hit.id], abs=SCORE_TOLERANCE)
        recalls.append(_recall([h.id for h in exact.hits], [h.id for h in other.hits]))
    record("filtered recall@10", float(np.mean(recalls)))
    assert np.mean(recalls) >= RECALL_FLOORS["hnsw"], f"seed {pair.catalogue.seed}: recall {np.mean(recalls):.3f}"


def test_recall_of_each_kind_of_index(pair: Pair, record: Record) -> None:
    rng = np.random.default_rng(pair.catalogue.seed + 2)
    requests = [
        EngineRequest(clause=Vector(field="dense", vector=pair.catalogue.vector(rng)), k=10) for _ in range(QUERIES)
    ]
    recalls = {}
    for kind in pair.other.capabilities.vector_indexes:
        with pair.spare() as spare:
            filled(spare, pair.catalogue.products, pair_schema(kind))
            of_kind = Pair(catalogue=pair.catalogue, exact=pair.exact, other=spare, spare=pair.spare)
            answers = of_kind.answers(requests)
        recalls[kind] = np.mean([_recall([h.id for h in e.hits], [h.id for h in o.hits]) for e, o in answers])
        record(f"recall@10 {kind}", float(recalls[kind]))
    assert recalls
    low = {kind: recall for kind, recall in recalls.items() if recall < RECALL_FLOORS[kind]}
    assert not low, f"seed {pair.catalogue.seed}: {low}"
