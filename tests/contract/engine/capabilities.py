"""Capabilities are true: what is claimed works, what is denied raises."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.errors import UnsupportedFeature
from multirecall.engines.base import Capabilities, Engine, Text, Vector
from multirecall.engines.schema import VECTOR_INDEXES
from tests.contract.asking import found, put, search, text_ids
from tests.contract.gaps import ENGINES
from tests.contract.shop import QUERY_VECTOR, contract_schema, crowd_products
from tests.support.records import product, unit

__all__ = ["CapabilitiesContract"]

WIDE = 64
"""Dimensions that every kind of vector index takes (bbq needs 64)."""


class CapabilitiesContract:
    engine_name: str

    def test_capabilities_are_plain_data_under_the_known_name(self, fresh: Engine) -> None:
        capabilities = fresh.capabilities
        assert isinstance(capabilities, Capabilities)
        assert capabilities == fresh.capabilities
        assert capabilities.name == self.engine_name
        assert capabilities.name in ENGINES
        assert capabilities.vector_indexes
        assert set(capabilities.vector_indexes) <= set(VECTOR_INDEXES)

    @pytest.mark.parametrize("kind", VECTOR_INDEXES)
    def test_each_vector_index_works_or_is_refused_by_name(self, fresh: Engine, kind: str) -> None:
        schema = contract_schema(fresh.capabilities, index=kind, dim=WIDE)
        if kind not in fresh.capabilities.vector_indexes:
            with pytest.raises(UnsupportedFeature, match=kind):
                fresh.create(schema)
            assert fresh.indexes() == []
            return
        fresh.swap(fresh.create(schema))
        vectors = [unit(*row) for row in np.random.default_rng(7).normal(size=(40, WIDE))]
        put(fresh, *(product(f"{n:02d}", vectors={"dense": vector}) for n, vector in enumerate(vectors)))
        assert fresh.info().schema.vectors[0].index == kind
        for n in (0, 17, 39):
            hits = search(fresh, Vector(field="dense", vector=vectors[n]), 5).hits
            assert hits[0].id == f"{n:02d}"
            assert hits[0].score == pytest.approx(1.0, abs=0.05 if kind == "bbq_hnsw" else 0.01)

    def test_exact_vectors_miss_nothing(self, crowd: Engine) -> None:
        rows = [row for row in crowd_products() if row.vectors]
        cosines = np.stack([row.vectors["dense"] for row in rows]) @ QUERY_VECTOR
        best = [rows[i].id for i in np.argsort(-cosines)[:200]]
        hits = found(crowd, Vector(field="dense", vector=QUERY_VECTOR), 200)
        if crowd.capabilities.exact_vectors:
            assert hits == best
        else:
            assert len(set(hits) & set(best)) >= 180

    def test_typo_tolerance_works_or_is_refused(self, shop: Engine) -> None:
        if shop.capabilities.typo_tolerance:
            assert "p08" in text_ids(shop, "notebok", fuzzy=True)
        else:
            with pytest.raises(UnsupportedFeature):
                search(shop, Text(text="notebok", fuzzy=True))
