"""Labels come with the products, by every way into an index, and follow their model without a vector made anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import FingerprintMismatch, InvalidSettings
from multirecall.encoders.base import Float32Array
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Engine, EngineRequest, Holding, IndexedProduct
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import LabelField, Schema
from multirecall.indexer.applying import Applier
from multirecall.indexer.build import build
from multirecall.indexer.copying import copy_live
from multirecall.indexer.items import RowItem
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.sources import Records
from multirecall.recall.labelling import label_field

MAPPING = FieldMapping.from_dict({"id": "id", "title": "title", "brand": "brand", "allow_missing_fields": True})
ROWS = [{"id": f"p{n}", "title": f"Lamp {n * 7919} {n * 104729}", "brand": "Acme" if n % 2 else ""} for n in range(30)]


class CountingEncoder(HashingEncoder):
    def __init__(self) -> None:
        super().__init__(dim=16)
        self.encoded = 0

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        self.encoded += len(texts)
        return super().encode_products(texts)


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Labels a product by the sign of one dimension of its vector, and by its brand if it has one."""

    name: str = "side"
    dimension: int = 0
    field: str = "dense"

    @property
    def spec(self) -> str:
        return f"sides:{self.dimension}"

    @property
    def fingerprint(self) -> str:
        return f"{self.dimension:016d}"

    def check(self, schema: Schema) -> None:
        if schema.vector(self.field) is None:
            raise FingerprintMismatch(f"The index has no vector field {self.field!r}.")

    def labels(self, products: Sequence[IndexedProduct]) -> list[tuple[str, ...]]:
        return [(self._side(product), *self._brand(product)) for product in products]

    def _side(self, product: IndexedProduct) -> str:
        return "over" if product.vectors[self.field][self.dimension] > 0 else "under"

    def _brand(self, product: IndexedProduct) -> tuple[str, ...]:
        return (str(product.fields["brand"]),) if "brand" in product.fields else ()


@pytest.fixture(params=["exact", "embedded"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = "exact:shop" if request.param == "exact" else f"embedded:{tmp_path / 'shop'}"
    with open_engine(url, create=True) as engine:
        yield engine


def holding(engine: Engine, label: str) -> set[str]:
    request = EngineRequest(clause=Holding(field="labels", weights={label: 1.0}), k=100)
    [result] = engine.search_many([request], Deadline.after(30.0))
    return {hit.id for hit in result.hits}


def test_a_built_index_holds_the_labels_of_all_labellers(engine: Engine) -> None:
    encoder = CountingEncoder()
    labellers = (Sides(), Sides(name="other", dimension=1))
    build(engine, Records(ROWS), encoders={"dense": encoder}, labellers=labellers, mapping=MAPPING)
    assert engine.info().schema.labels == tuple(label_field(one) for one in labellers)
    assert engine.info().schema.labels[0] == LabelField(name="side", labeller="sides:0", fingerprint="0" * 16)
    over = holding(engine, "side=over")
    assert over | holding(engine, "side=under") == {row["id"] for row in ROWS}
    assert not over & holding(engine, "side=under")
    vectors = {record["id"]: np.asarray(record["vectors.dense"]) for record in engine.scan(["id", "vectors.dense"])}
    assert over == {product_id for product_id, vector in vectors.items() if vector[0] > 0}
    assert holding(engine, "other=over") == {product_id for product_id, vector in vectors.items() if vector[1] > 0}
    assert holding(engine, "side=Acme") == holding(engine, "other=Acme") == {f"p{n}" for n in range(1, 30, 2)}


def test_another_model_labels_a_copy_without_a_vector_made_anew(engine: Engine) -> None:
    encoder = CountingEncoder()
    build(engine, Records(ROWS), encoders={"dense": encoder}, labellers=[Sides()], mapping=MAPPING)
    over, made = holding(engine, "side=over"), encoder.encoded
    copy_live(engine, encoders={"dense": encoder}, labellers=[Sides(dimension=1)])
    assert encoder.encoded == made
    assert holding(engine, "side=over") not in (set(), over)
    assert holding(engine, "side=over") | holding(engine, "side=under") == {row["id"] for row in ROWS}
    copy_live(engine, encoders={"dense": encoder})
    assert engine.info().schema.labels == ()


def test_a_product_that_comes_later_is_labelled_by_the_model_that_the_index_names(engine: Engine) -> None:
    encoder, asked = CountingEncoder(), []

    def labeller_of(field: LabelField, schema: Schema) -> Sides:
        asked.append(field.labeller)
        return Sides()

    build(engine, Records(ROWS), encoders={"dense": encoder}, labellers=[Sides()], mapping=MAPPING)
    applier = Applier(engine, encoder_of=lambda field, schema: encoder, labeller_of=labeller_of)
    new = RowItem(id="new", row={"id": "new", "title": "Chair", "brand": "Acme"}, version=None)
    applier.apply([new], engine.info())
    engine.refresh()
    assert asked == ["sides:0"]
    assert "new" in holding(engine, "side=Acme")


def test_without_the_model_no_product_goes_in_unlabelled(engine: Engine) -> None:
    encoder = CountingEncoder()
    build(engine, Records(ROWS), encoders={"dense": encoder}, labellers=[Sides()], mapping=MAPPING)
    new = RowItem(id="new", row={"id": "new", "title": "Chair"}, version=None)
    with pytest.raises(InvalidSettings, match=r"labels 'side' of 'sides:0'") as caught:
        Applier(engine, encoder_of=lambda field, schema: encoder).apply([new], engine.info())
    assert caught.value.data["field"] == "labellers"
    assert engine.count() == len(ROWS)


def test_a_labeller_that_does_not_fit_stops_before_anything_is_made(engine: Engine) -> None:
    with pytest.raises(FingerprintMismatch, match="vector field 'small'"):
        build(engine, Records(ROWS), encoders={}, labellers=[Sides(field="small")], mapping=MAPPING)
    assert engine.indexes() == []
