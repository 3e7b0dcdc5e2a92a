from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import FORMAT, LabelField, Schema
from multirecall.indexer.generations import indexes_before, live_index


def test_a_schema_is_read_back() -> None:
    schema = Schema(language="german", numeric_attributes=("width",), metadata={"sources": ["a"]})
    read = Schema.from_dict(orjson.loads(orjson.dumps(schema.to_dict())))
    assert read == schema
    assert read.metadata == schema.metadata
    assert read.fingerprint == schema.fingerprint != Schema(language="french").fingerprint


def test_labels_shape_an_index_that_has_any() -> None:
    assert "labels" not in Schema().to_dict()
    label = LabelField(name="sid", labeller="model", fingerprint="0" * 16)
    schema = Schema(labels=(label,))
    assert Schema.from_dict(orjson.loads(orjson.dumps(schema.to_dict()))) == schema
    assert schema.fingerprint != Schema().fingerprint
    assert schema.label("sid") == label
    assert schema.label("gram") is None
    for name in ("", "a=b", "A"):
        with pytest.raises(InvalidSettings, match="must match"):
            LabelField(name=name, labeller="model", fingerprint="0")
    with pytest.raises(InvalidSettings, match="repeat"):
        Schema(labels=(label, label))


def test_another_layout_is_refused_with_what_to_do() -> None:
    older = {**Schema().to_dict(), "format": FORMAT - 1}
    with pytest.raises(InvalidSettings, match=f"layout {FORMAT - 1}, this version reads layout {FORMAT}") as caught:
        Schema.from_dict(older)
    assert "Index the catalogue again" in caught.value.hint


def test_an_index_of_an_older_layout_does_not_stand_in_the_way_of_a_new_one(tmp_path: Path) -> None:
    with open_engine(f"embedded:{tmp_path}/shop", create=True) as engine:
        old = engine.create(Schema())
        engine.swap(old)
    file = tmp_path / "shop" / old / "schema.json"
    file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "format": FORMAT - 1}))
    with open_engine(f"embedded:{tmp_path}/shop") as engine:
        with pytest.raises(InvalidSettings, match="layout"):
            engine.info()
        assert live_index(engine) is None
        assert indexes_before(engine) == []
        new = engine.create(Schema())
        assert engine.swap(new) == old
        assert engine.info().name == new
