from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Engine
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.training.graded.recalling import EngineRecall, ExactRecall, lexical_hits
from tests.support.records import upsert

TITLES = {"1": "black toner", "2": "black desk", "3": "garden hose", "4": "black toner"}
ENCODER = HashingEncoder(dim=64)


@pytest.fixture
def engine() -> Iterator[Engine]:
    field = VectorField(name="dense", dim=64, encoder=ENCODER.spec, fingerprint=ENCODER.fingerprint)
    with ExactEngine(name="graded") as engine:
        index = engine.create(Schema(vectors=(field,)))
        writes = [
            upsert(name, title, vectors={"dense": ENCODER.encode_products([title])[0]})
            for name, title in TITLES.items()
        ]
        assert all(result.ok for result in engine.write(writes, index=index))
        engine.refresh(index=index)
        engine.swap(index)
        yield engine


def test_an_index_and_a_matrix_see_the_same(engine: Engine) -> None:
    exact = ExactRecall(list(TITLES), ENCODER.encode_products(list(TITLES.values())), ENCODER.encode_queries)
    queries, wanted = ["toner", "garden hose", "…"], [["2", "gone", "4"], [], ["1"]]
    by_matrix, by_index = (recall.look(queries, wanted, 3) for recall in (exact, EngineRecall(engine, ENCODER)))
    for one, other in zip(by_matrix[:2], by_index[:2], strict=True):
        assert [name for name, _ in one.nearest] == [name for name, _ in other.nearest]
        assert [score for _, score in one.nearest] == pytest.approx([s for _, s in other.nearest], abs=1e-5)
        assert one.cosines == pytest.approx(other.cosines, abs=1e-5, nan_ok=True)
    assert [name for name, _ in by_matrix[0].nearest[:2]] == ["1", "4"]  # ties by id
    assert np.isnan(by_matrix[0].cosines[1])
    assert by_index[2].nearest == ()


def test_words_find_in_the_order_of_the_index(engine: Engine) -> None:
    assert lexical_hits(engine, ["black toner", "?", "hose"], 2) == [["1", "4"], [], ["3"]]


def test_ids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 ids, 1 different, for 2 vectors"):
        ExactRecall(["a", "a"], np.eye(2, dtype=np.float32), ENCODER.encode_queries)
