"""The real catalogue: the suggestion is right and no product is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.filters import Range, Term
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.exact import ExactEngine
from multirecall.indexer.build import build
from multirecall.indexer.rows import Reject, RowReader
from multirecall.indexer.sources import Catalogue
from multirecall.indexer.suggest import suggest_mapping

pytestmark = pytest.mark.data

PRODUCTS = 19_406


@pytest.fixture(scope="module")
def catalogue(icecat_dir: Path) -> Catalogue:
    return Catalogue([str(icecat_dir / "*.json.zip")])


def test_the_suggested_mapping_names_the_right_fields(catalogue: Catalogue) -> None:
    suggestion = suggest_mapping(catalogue.sample(2_000))
    mapping = suggestion.mapping
    assert (mapping.id, mapping.title) == (("id",), ("title",))
    assert (mapping.description, mapping.brand) == (("short_description",), ("supplier",))
    assert mapping.identifiers == ("name", "ean")
    assert mapping.image_url[0] == "img_500x500"
    assert mapping.price is not None
    assert (mapping.price.field, mapping.price.unit) == (("price",), "minor")
    assert mapping.attributes.prefixes == ("attr_b_", "attr_n_", "attr_t_")
    assert mapping.updated_at == ()
    assert len(mapping.numeric_attributes) == 50
    assert {"width", "weight", "cable_length"} <= set(mapping.numeric_attributes)
    assert any("is a guess" in warning for warning in suggestion.warnings)


def test_every_row_becomes_a_product_without_markup(catalogue: Catalogue) -> None:
    reader = RowReader(suggest_mapping(catalogue.sample(2_000)).mapping)
    products = [reader.read(row) for row in catalogue.rows()]
    assert not [p for p in products if isinstance(p, Reject)]
    texts = [f"{p.title} {p.description}" for p in products if not isinstance(p, Reject)]
    assert len(texts) == PRODUCTS
    assert not [t for t in texts if "<br" in t or "&amp;" in t or "&nbsp;" in t]
    assert set(reader.warnings.counts) <= {"identifiers: longer than 128 characters, left out"}


@pytest.mark.slow
def test_no_product_is_lost(catalogue: Catalogue) -> None:
    with ExactEngine() as engine:
        report = build(engine, catalogue, encoders={"dense": HashingEncoder(dim=32)})
        assert (report.read, report.written, report.rejected) == (PRODUCTS, PRODUCTS, 0)
        assert report.bytes_read == catalogue.total_bytes
        assert engine.count() == PRODUCTS
        brother = engine.count(Term(field="brand", value="Brother"))
        cheap = engine.count(Range(field="price_minor", lt=2_000))
    raw = [row.record for row in catalogue.rows()]  # type: ignore[union-attr]
    assert brother == sum(r["supplier"] == "Brother" for r in raw)
    assert cheap == sum(r["price"] < 2_000 for r in raw)
