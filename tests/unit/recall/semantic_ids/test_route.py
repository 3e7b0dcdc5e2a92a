"""The route of semantic ids: only ids that products have, their products by probability and nearness, never late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product as combinations
from typing import ClassVar

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import FingerprintMismatch
from multirecall.core.filters import Term
from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus
from multirecall.encoders.base import Float32Array
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Delete, Engine, Holding, Vector
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import LabelField, Schema, VectorField
from multirecall.recall.base import ChangingRoute, QueryVectors, RecallContext, Route
from multirecall.recall.semantic_ids.route import SemanticIdRoute
from multirecall.recall.semantic_ids.writing import IdWriter, id_writer
from multirecall.search.understand import understand
from tests.contract.asking import put
from tests.support.drawn_model import DrawnDecoding, DrawnModel
from tests.support.records import product

ENCODER = HashingEncoder(dim=16)
TOKENS = [f"<{letter}_{code}>" for letter in "ab" for code in range(5)]
LABELS = LabelField(name="semantic_id", labeller="semantic_id:x", fingerprint="0" * 16)
ALL_IDS = ["".join(pair) for pair in combinations(TOKENS[:5], TOKENS[5:])]
LIVE = ALL_IDS[::3]
QUERY = understand("toner for a laser printer")


@dataclass(frozen=True, kw_only=True)
class TokenModel(DrawnModel):
    """Token 0 is the end, then come `TOKENS`."""

    vocab: int = len(TOKENS) + 1
    end: int = 0
    fingerprint: str = "f" * 16

    def id_of(self, token: str) -> int | None:
        return TOKENS.index(token) + 1 if token in TOKENS else None


def writer(ids: Sequence[str] = LIVE, *, beam: int = 20, seed: int = 1) -> IdWriter:
    return id_writer(TokenModel(seed=seed), ids, beam=beam)


def route(ids: Sequence[str] = LIVE, **options: int) -> SemanticIdRoute:
    return SemanticIdRoute(writer=writer(ids), labels=LABELS, vector_field="dense", **options)


def context(query: Query = QUERY, deadline: Deadline | None = None) -> RecallContext:
    vectors = QueryVectors(query.text, {"dense": ENCODER})
    return RecallContext(deadline=deadline or Deadline.never(), vectors=vectors, fields=("brand",))


@pytest.fixture(scope="module")
def shop() -> Engine:
    """Three products per live id, and one of an id that is not in the trie."""
    engine = ExactEngine("shop")
    vectors = (VectorField(name="dense", dim=16, encoder="hashing", fingerprint="0" * 16, index="flat"),)
    index = engine.create(Schema(vectors=vectors, labels=(LABELS,)))
    engine.swap(index)
    titles = [f"Toner {n}" for n in range(3 * len(LIVE) + 1)]
    rows = ENCODER.encode_products(titles)
    labels = [*(one for one in LIVE for _ in range(3)), ALL_IDS[1]]
    brands = ["HP" if n % 2 else "Oki" for n in range(len(titles))]
    products = [
        product(f"p{n:02d}", title, brand=brands[n], labels=[LABELS.value(one)], vectors={"dense": rows[n]})
        for n, (title, one) in enumerate(zip(titles, labels, strict=True))
    ]
    put(engine, *products)
    return engine


def ranked(shop: Engine, one: SemanticIdRoute, query: Query = QUERY, deadline: Deadline | None = None) -> Ranking:
    asked = context(query, deadline)
    one.prepare(query, asked)
    requests = one.requests(query, asked)
    return one.ranking(query, asked, shop.search_many(requests, Deadline.never()) if requests else [])


def test_it_is_a_route_that_changes_with_its_model_and_its_ids() -> None:
    one = route()
    assert isinstance(one, Route)
    assert isinstance(one, ChangingRoute)
    assert one.fingerprint == route().fingerprint != route(LIVE[1:]).fingerprint


def test_only_live_ids_are_written_with_probabilities_of_all_of_them_together_one() -> None:
    written = writer(beam=50).write(QUERY.text, Deadline.never())
    assert sorted(written.ids) == sorted(LIVE)
    assert sum(written.probabilities) == pytest.approx(1.0)
    assert list(written.probabilities) == sorted(written.probabilities, reverse=True)
    first = writer(beam=3).write(QUERY.text, Deadline.never())
    assert len(first.ids) == 3
    assert set(first.ids) <= set(LIVE)


@pytest.mark.parametrize("seed", range(5))
def test_after_a_swap_only_ids_of_the_new_index_are_written(seed: int) -> None:
    for live in (ALL_IDS[:7], ALL_IDS[5:15], ALL_IDS[20:21]):
        for text in ("toner", "a4 paper", "usb cable"):
            assert set(writer(live, seed=seed).write(text, Deadline.never()).ids) <= set(live)


def test_a_model_of_other_ids_is_refused_by_the_token_that_it_lacks() -> None:
    with pytest.raises(FingerprintMismatch, match="<b_77>"):
        writer(["<a_1><b_77>"])


def test_products_come_by_the_probability_of_their_id_times_their_nearness(shop: Engine) -> None:
    written = writer().write(QUERY.text, Deadline.never())
    probability = dict(zip(written.ids, written.probabilities, strict=True))
    vectors = {row["id"]: np.asarray(row["vectors.dense"]) for row in shop.scan(["id", "labels", "vectors.dense"])}
    label = {row["id"]: row["labels"][0].partition("=")[2] for row in shop.scan(["id", "labels"])}
    asked = ENCODER.encode_queries([QUERY.text])[0]
    scores = {
        name: probability[label[name]] * (1 + float(vector @ asked)) / 2
        for name, vector in vectors.items()
        if label[name] in probability
    }
    found = ranked(shop, route(k=12))
    assert len(found.hits) == 12
    assert [hit.id for hit in found.hits] == sorted(scores, key=lambda name: (-scores[name], name))[:12]
    assert [hit.score for hit in found.hits] == pytest.approx(sorted(scores.values(), reverse=True)[:12], abs=1e-5)
    assert all("brand" in hit.fields for hit in found.hits)
    assert found.status is RouteStatus.OK


def test_the_filter_of_the_query_holds(shop: Engine) -> None:
    filtered = understand(QUERY.raw, filter=Term(field="brand", value="HP"))
    found = ranked(shop, route(), filtered)
    assert found.hits
    assert all(int(hit.id[1:]) % 2 for hit in found.hits)


def test_a_deleted_product_is_not_found_though_its_id_is_written() -> None:
    engine = ExactEngine("own")
    engine.swap(engine.create(Schema(labels=(LABELS,))))
    put(engine, *(product(str(n), "Lamp", labels=[LABELS.value(LIVE[n])]) for n in (1, 2)))
    put(engine, Delete(id="1"))
    asked = context()
    [holding] = [one for one in route(LIVE[1:3]).requests(QUERY, asked) if isinstance(one.clause, Holding)]
    assert [hit.id for hit in engine.search_many([holding], Deadline.never())[0].hits] == ["2"]


def test_two_requests_in_one_round_trip_and_none_for_a_part_number() -> None:
    holding, near = route(k=10).requests(QUERY, context())
    assert isinstance(holding.clause, Holding)
    assert isinstance(near.clause, Vector)
    assert near.filter is not None
    for text in ("CE285A", ""):
        query = understand(text)
        assert route().requests(query, context(query)) == ()
        assert route().ranking(query, context(query), []).status is RouteStatus.SKIPPED


class SlowModel(TokenModel):
    """Each of its steps takes a second of `clock`."""

    clock: ClassVar[list[float]] = [0.0]

    def begin(self, texts: Sequence[str]) -> DrawnDecoding:
        return SlowDecoding(self, [(text, ()) for text in texts])


class SlowDecoding(DrawnDecoding):
    def first(self) -> Float32Array:
        SlowModel.clock[0] += 1.0
        return super().first()


@pytest.mark.parametrize(
    ("budget_s", "status"), [(1.0, RouteStatus.TIMED_OUT), (3.0, RouteStatus.PARTIAL), (9.0, RouteStatus.OK)]
)
def test_when_the_time_is_up_while_it_writes_the_ranking_says_so(
    shop: Engine, budget_s: float, status: RouteStatus
) -> None:
    """Half of the budget is the model's; its first step ends no id, its second those of one token."""
    SlowModel.clock[0] = 0.0
    ids = id_writer(SlowModel(), [*LIVE, "<a_1>", "<a_2>"])
    slow = SemanticIdRoute(writer=ids, labels=LABELS, vector_field="dense")
    found = ranked(shop, slow, deadline=Deadline.after(budget_s, clock=lambda: SlowModel.clock[0]))
    assert (found.status, bool(found.error)) == (status, status is not RouteStatus.OK)


def test_products_without_a_vector_are_found_too() -> None:
    engine = ExactEngine("own")
    vectors = (VectorField(name="dense", dim=16, encoder="hashing", fingerprint="0" * 16, index="flat"),)
    engine.swap(engine.create(Schema(vectors=vectors, labels=(LABELS,))))
    put(engine, product("1", "Lamp", labels=[LABELS.value(LIVE[0])]))
    found = ranked(engine, route(LIVE[:1]))
    assert [(hit.id, hit.score) for hit in found.hits] == [("1", 0.5)]
