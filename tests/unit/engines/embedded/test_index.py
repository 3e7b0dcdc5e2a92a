from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from multirecall.core.errors import EngineError, IndexCorrupt
from multirecall.engines.base import Delete, Everything, Text, Update
from multirecall.engines.embedded import EmbeddedEngine
from multirecall.engines.embedded.index import PhysicalIndex
from multirecall.engines.embedded.rows import segment_bases
from multirecall.engines.embedded.writing import Writer
from tests.unit.engines.embedded.making import TUNING, make_engine, near, product, put, search, unit_vectors

VECTORS = unit_vectors(1, 400)
INDEX = "products-000001"


def _fill(folder: Path, n: int = 400) -> None:
    with make_engine(folder) as engine:
        put(engine, [product(f"p{i:03d}", v) for i, v in enumerate(VECTORS[:n])])


def test_what_a_cut_off_commit_left_is_cleared_away(tmp_path: Path) -> None:
    _fill(tmp_path)
    text = tmp_path / INDEX / "text"
    meta, managed = (orjson.loads((text / name).read_bytes()) for name in ("meta.json", ".managed.json"))
    segment = meta["segments"][0]["segment_id"].replace("-", "")
    for opstamp in range(meta["opstamp"], meta["opstamp"] + 20):  # deletes of a commit whose meta.json never came
        name = f"{segment}.{opstamp}.del"
        (text / name).write_bytes(b"cut off")
        managed.append(name)
    (text / ".managed.json").write_bytes(orjson.dumps(managed))
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as engine:
        put(engine, [Delete(id="p007")])
        assert engine.count() == 399


def test_compaction_moves_products_and_keeps_everything(tmp_path: Path) -> None:
    _fill(tmp_path)
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as engine:
        put(engine, [Update(id=f"p{i:03d}", fields={"price_minor": i}) for i in range(400)])
        rows = tmp_path / INDEX / "rows"
        for round_number in range(2):
            texts = {i: f"lamp {i} {round_number}\t\t\t\t" for i in range(0, 400, 2)}
            put(engine, [product(f"p{i:03d}", VECTORS[i], round_number, match_text=texts[i]) for i in texts])
        put(engine, [product("other", VECTORS[0])])
        assert segment_bases(rows) == [0]
        put(engine, [Delete(id=f"p{i:03d}") for i in range(1, 400, 4)])  # now more rows are dead than live
        assert len(segment_bases(rows)) == 2
        engine.refresh()
        assert len(segment_bases(rows)) == 1
        assert segment_bases(rows) != [0]
        left = [f"p{i:03d}" for i in range(400) if i % 4 != 1]
        assert [h.id for h in search(engine, Everything(), 1_000).hits] == ["other", *left]
        assert {h.id for h in search(engine, near(VECTORS[0]), 1_000).hits} == {*left, "other"}
        assert [h.id for h in search(engine, near(VECTORS[3]), 1).hits] == ["p003"]
        assert engine.fetch(["p003"], ["price_minor"]) == [{"price_minor": 3}]
        words = {hit.id: dict(hit.fields) for hit in search(engine, Everything(), 1_000, fields=("match_text",)).hits}
        moved = {name: {"match_text": texts[int(name[1:])]} if int(name[1:]) in texts else {} for name in left}
        assert words == {"other": {}, **moved}
        stale = list(engine.write([product("p002", version=0)]))
        assert [r.status for r in stale] == ["stale"]
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as again:
        assert again.count() == 301
        assert [h.id for h in search(again, near(VECTORS[3]), 1).hits] == ["p003"]


def test_a_merge_or_a_graph_keeps_what_was_worked_out(tmp_path: Path) -> None:
    _fill(tmp_path)
    index = PhysicalIndex(tmp_path / INDEX, TUNING)
    before = index.snapshot()
    assert index.snapshot() is before
    meta = tmp_path / INDEX / "text" / "meta.json"
    copy = meta.with_name("copy")
    shutil.copy(meta, copy)
    copy.replace(meta)  # as a merge does: the file is another one, the commit is the same
    after = index.snapshot()
    assert after is not before
    assert after.committed is before.committed
    index.close()


def test_lost_writes_are_told_by_the_next_refresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product("kept", VECTORS[0])])
        list(engine.write([product("lost")]))

        def fail(self: Writer, *_: object, **__: object) -> None:
            raise EngineError("a disk error")

        with monkeypatch.context() as patch:
            patch.setattr(Writer, "apply", fail)
            with pytest.raises(EngineError, match="a disk error"):
                list(engine.write([product("fails")]))
        list(engine.write([product("after")]))  # of another thread, say, which has heard of nothing
        with pytest.raises(EngineError, match="Writes to 1 products since the last refresh were lost"):
            engine.refresh()
        engine.refresh()
        assert [h.id for h in search(engine, Everything()).hits] == ["after", "kept"]


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("schema.json", None, r"schema\.json is missing"),
        ("schema.json", b"{", r"schema\.json is damaged"),
        ("text/meta.json", None, r"meta\.json.*is missing"),
        ("text/meta.json", b"{}", r"meta\.json is damaged"),
        ("text/*.term", None, "text"),
        ("rows/*/bounds", None, "bounds is missing"),
        ("rows/*/dense.f32", b"", r"dense\.f32 holds 0 bytes"),
        ("graphs/*.usearch", b"x", "usearch holds 1 bytes"),
    ],
)  # fmt: skip
def test_damage_is_said_with_the_file(tmp_path: Path, name: str, damage: bytes | None, says: str) -> None:
    _fill(tmp_path)
    [file] = (tmp_path / INDEX).glob(name)
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as engine:
        with pytest.raises(IndexCorrupt, match=says) as caught:
            search(engine, Text(text="lamp"))
        assert caught.value.hint
        assert str(tmp_path) in str(caught.value.data["path"])


def test_a_lost_graph_costs_nothing_but_time(tmp_path: Path) -> None:
    _fill(tmp_path)
    shutil.rmtree(tmp_path / INDEX / "graphs")
    (tmp_path / INDEX / "graphs").mkdir()
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as engine:
        assert search(engine, near(VECTORS[3]), 1).hits[0].id == "p003"
        put(engine, [product("new", VECTORS[0])])
        assert list((tmp_path / INDEX / "graphs").glob("*.usearch"))
