from __future__ import annotations

import json
from dataclasses import replace

import pytest

from multirecall.core.errors import IndexCorrupt, InvalidSettings, UnsupportedFeature
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from multirecall.engines.schema import LANGUAGES, VECTOR_INDEXES, Schema, VectorField
from multirecall.engines.servers.mapping import index_body, stored_schema
from tests.support.records import product
from tests.unit.engines.servers.requests import DIALECTS, SCHEMA


def vector_field(index: str) -> VectorField:
    return VectorField(name="v", dim=64, encoder="hashing", fingerprint="0" * 16, index=index, m=24, ef_construction=77)


def test_both_servers_get_the_same_index_but_for_vectors_and_the_scoring_of_codes() -> None:
    bodies = [index_body(Schema(numeric_attributes=("w",)), dialect, shards=1) for dialect in DIALECTS.values()]
    assert bodies[1]["settings"]["index"].pop("knn") is True
    assert bodies[1]["mappings"]["properties"]["codes"].pop("use_similarity") is True
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("engine", DIALECTS)
@pytest.mark.parametrize("index", VECTOR_INDEXES)
def test_a_vector_index_is_made_or_refused_by_name(engine: str, index: str) -> None:
    dialect, schema = DIALECTS[engine], Schema(vectors=(vector_field(index),))
    if index in dialect.vector_indexes:
        mapping = json.dumps(index_body(schema, dialect, shards=1)["mappings"]["properties"]["vectors"])
        assert ("24" in mapping and "77" in mapping) == (index != "flat")
    else:
        with pytest.raises(UnsupportedFeature, match=index):
            index_body(schema, dialect, shards=1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_names_its_stemmer(language: str) -> None:
    filters = index_body(Schema(language=language), DIALECTS["elasticsearch"], shards=1)["settings"]["analysis"][
        "filter"
    ]
    assert ("product_stemmer" in filters) == (language != "none")


def test_bits_need_enough_dimensions() -> None:
    field = replace(vector_field("bbq_hnsw"), dim=63)
    with pytest.raises(UnsupportedFeature, match="63"):
        index_body(Schema(vectors=(field,)), DIALECTS["elasticsearch"], shards=1)


def test_every_field_of_a_record_is_mapped() -> None:
    """The mapping is strict: a field that is not in it would refuse the product."""
    everything = product(
        "1", description="d", attributes={"w": 1.5, "c": "x"}, identifiers=("i",), category=("c",), brand="b",
        currency="EUR", price_minor=1, in_stock=True, popularity=1.0, updated_at=1.0, version=1, url="u", image_url="i",
        content_hash="h", match_text="\t\t\t\t",
    )  # fmt: skip
    mappings = index_body(SCHEMA, DIALECTS["elasticsearch"], shards=1)["mappings"]
    assert mappings["dynamic"] == "strict"
    assert set(everything.fields) <= set(mappings["properties"])


def test_long_keywords_are_left_to_the_text() -> None:
    properties = index_body(Schema(), DIALECTS["opensearch"], shards=1)["mappings"]["properties"]
    for name in ("brand", "category", "codes", "attribute_pairs", "attribute_names"):
        assert properties[name]["ignore_above"] == MAX_KEYWORD_CHARS
    assert "ignore_above" not in properties["id"]


def test_an_attribute_without_a_name_cannot_be_numeric() -> None:
    with pytest.raises(InvalidSettings, match="name"):
        index_body(Schema(numeric_attributes=("",)), DIALECTS["elasticsearch"], shards=1)


def test_the_schema_is_read_back_with_its_metadata() -> None:
    schema = replace(SCHEMA, metadata={"mapping": {"id": "sku"}})
    meta = index_body(schema, DIALECTS["elasticsearch"], shards=1)["mappings"]["_meta"]
    found = stored_schema("i", json.loads(json.dumps(meta)))
    assert found == schema
    assert found.metadata == schema.metadata


def test_an_index_of_others_and_a_changed_schema_are_refused() -> None:
    with pytest.raises(IndexCorrupt, match="not made by multirecall"):
        stored_schema("i", None)
    meta = index_body(SCHEMA, DIALECTS["elasticsearch"], shards=1)["mappings"]["_meta"]
    meta["multirecall"]["schema"]["language"] = "german"
    with pytest.raises(IndexCorrupt, match="fingerprint"):
        stored_schema("i", meta)
