"""An index built by the settings has the labels of their models; what comes later gets them from the same model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import FingerprintMismatch, InvalidSettings, NotFound
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Engine, EngineRequest, Holding
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import LabelField, Schema
from multirecall.indexer.build import build
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.sources import Records
from multirecall.recall.semantic_ids.artefact import write_semantic_ids
from multirecall.recall.semantic_ids.folder import IDS_FILE
from multirecall.recall.semantic_ids.identifiers import SemanticIds
from multirecall.recall.semantic_ids.quantiser import Codebook, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening
from multirecall.service.writing.straight import StraightWriter
from multirecall.wiring.labellers import OpenedLabellers, index_labellers, open_labeller

ENCODER = HashingEncoder(dim=16)
MAPPING = FieldMapping.from_dict(
    {"id": "id", "title": "title", "category": {"field": "kind", "separator": ">"}, "allow_missing_fields": True}
)
ROWS = [
    {"id": f"p{n}", "title": f"Lamp {n * 7919} {n * 104729}", "kind": "Office > Lamps" if n % 2 else "Toys"}
    for n in range(12)
]


def semantic_ids(encoder: str, categories: dict[str, int] | None = None, seed: int = 1) -> SemanticIds:
    random = np.random.default_rng(seed)
    books = [Codebook.of(random.standard_normal((4, 16)).astype(np.float32), np.zeros(4, np.float32)) for _ in range(2)]
    return SemanticIds(
        quantiser=ResidualQuantiser(codebooks=tuple(books), categories=categories or {}),
        shortening=Shortening(),
        encoder=encoder,
    )


def write(folder: Path, ids: SemanticIds) -> str:
    folder.mkdir(exist_ok=True)
    return write_semantic_ids(folder / IDS_FILE, ids, ("p1",), np.zeros((1, 2), dtype=np.int32), {})


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An index without labels; its schema says what its vectors are."""
    url = f"embedded:{tmp_path / 'shop'}"
    with open_engine(url, create=True) as engine:
        build(engine, Records(ROWS), encoders={"dense": ENCODER}, mapping=MAPPING)
    return url


@pytest.fixture
def schema(url: str) -> Schema:
    with open_engine(url) as engine:
        return engine.info().schema


def labels(engine: Engine) -> dict[str, tuple[str, ...]]:
    return {record["id"]: tuple(record.get("labels", ())) for record in engine.scan(["id", "labels"])}


def test_an_index_is_labelled_by_the_settings_and_so_is_what_comes_later(
    url: str, schema: Schema, tmp_path: Path
) -> None:
    ids = semantic_ids(schema.vectors[0].fingerprint, {"Office > Lamps": 3, "Office": 1})
    write(tmp_path / "ids", ids)
    labellers = index_labellers(f" semantic_id:{tmp_path / 'ids'}, ")
    with open_engine(url) as engine:
        build(engine, Records(ROWS), encoders={"dense": ENCODER}, mapping=MAPPING, labellers=labellers)
        stored = {record["id"]: np.asarray(record["vectors.dense"]) for record in engine.scan(["id", "vectors.dense"])}
        before = labels(engine)
    guides = [None if int(name[1:]) % 2 == 0 else "Office > Lamps" for name in stored]
    made = ids.ids(np.stack([*stored.values()]).astype(np.float32), guides)
    assert before == {name: (f"semantic_id={one}",) for name, one in zip(stored, made, strict=True)}
    assert all(one.startswith("semantic_id=<a_3>") for name, [one] in before.items() if int(name[1:]) % 2)
    writer = StraightWriter(lambda: open_engine(url), encoder_of=lambda *_: ENCODER, labeller_of=OpenedLabellers())
    new = {"op": "upsert", "product": {**ROWS[4], "id": "new"}}
    written = writer.write([new], wait_s=1.0)
    assert [item.status for item in written.items] == ["applied"], written
    request = EngineRequest(clause=Holding(field="labels", weights={before["p4"][0]: 1.0}), k=20)
    with open_engine(url) as engine:
        assert labels(engine)["new"] == before["p4"]
        assert {"p4", "new"} <= {hit.id for hit in engine.search_many([request], Deadline.never())[0].hits}


def test_another_model_in_the_same_place_is_refused_by_both_fingerprints(schema: Schema, tmp_path: Path) -> None:
    first = write(tmp_path / "ids", semantic_ids(schema.vectors[0].fingerprint))
    field = LabelField(name="semantic_id", labeller=f"semantic_id:{tmp_path / 'ids'}", fingerprint=first)
    assert OpenedLabellers()(field, schema).fingerprint == first
    second = write(tmp_path / "ids", semantic_ids(schema.vectors[0].fingerprint, seed=2))
    with pytest.raises(FingerprintMismatch, match=rf"{first}.*{second}"):
        OpenedLabellers()(field, schema)


def test_ids_of_other_vectors_do_not_label_an_index(schema: Schema, tmp_path: Path) -> None:
    write(tmp_path / "ids", semantic_ids("f" * 16))
    labeller = open_labeller(f"semantic_id:{tmp_path / 'ids'}")
    with pytest.raises(FingerprintMismatch, match="f" * 16):
        labeller.check(schema)


@pytest.mark.parametrize("spec", ["semantic_id", "semantic_id:", "codes:/x", "/x"])
def test_a_specification_that_names_nothing_says_what_can_be_named(spec: str) -> None:
    with pytest.raises(InvalidSettings, match="names no labeller") as caught:
        index_labellers(spec)
    assert "semantic_id" in caught.value.hint
    assert caught.value.data["field"] == "labels"


def test_no_folder_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="none"):
        index_labellers(f"semantic_id:{tmp_path / 'none'}")
    for name in ("a", "b"):
        write(tmp_path / name, semantic_ids("f" * 16))
    with pytest.raises(InvalidSettings, match="'semantic_id'"):
        index_labellers(f"semantic_id:{tmp_path / 'a'},semantic_id:{tmp_path / 'b'}")
    assert index_labellers("") == []
