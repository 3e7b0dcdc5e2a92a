"""The file of tombstones: what a kill or a full disk leaves of it is read rightly, and it does not grow for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EngineBusy, EngineError
from multirecall.engines.base import Delete, Update, WriteStatus
from multirecall.engines.embedded import EmbeddedEngine
from multirecall.engines.embedded import tombstones as module
from multirecall.engines.embedded.tombstones import FILE, TombstoneLog, read_tombstones
from multirecall.engines.versions import Buried, Tombstone
from tests.unit.engines.embedded.making import TUNING, make_engine, product, put

S = WriteStatus


def buried(version: int, deleted_at: float = 1.0, **kept: Any) -> Buried:
    grave = Tombstone(version=version, fields=dict.fromkeys(kept, version + 1))
    return Buried(tombstone=grave, record=kept, deleted_at=deleted_at)


def opened(path: Path) -> TombstoneLog:
    return TombstoneLog(path, min_waste_lines=1_000)


def nothing_stored(_: str) -> bool:
    return False


def commit(log: TombstoneLog) -> None:
    log.sync()
    log.committed(nothing_stored)


def versions(path: Path) -> dict[str, int]:
    return {name: one.tombstone.version for name, one in read_tombstones(path).items()}


def graves(engine: EmbeddedEngine) -> dict[str, int]:
    return {one.id: one.version for one in engine.deleted()}


def file_of(folder: Path) -> Path:
    return folder / "products-000001" / FILE


def test_what_is_synced_is_read_back_whole(tmp_path: Path) -> None:
    log = opened(tmp_path / FILE)
    held = {"é\n": buried(3, 5.5, price_minor=7, in_stock=None), "2": buried(0)}
    for name, one in held.items():
        log.bury(name, one)
    assert read_tombstones(tmp_path / FILE) == {}
    log.sync()
    assert read_tombstones(tmp_path / FILE) == held
    assert opened(tmp_path / FILE).get("é\n") == held["é\n"]


def test_the_last_word_on_an_id_counts(tmp_path: Path) -> None:
    log = opened(tmp_path / FILE)
    for version in (1, 2):
        log.bury("1", buried(version))
        log.bury("2", buried(version))
        commit(log)
    log.forget("2")
    log.forget("never")
    assert (log.get("1"), log.get("2")) == (buried(2), None)
    commit(log)
    assert versions(tmp_path / FILE) == {"1": 2}


def test_what_takes_a_tombstone_away_or_lowers_it_waits_for_the_commit(tmp_path: Path) -> None:
    log = opened(tmp_path / FILE)
    for name in "123":
        log.bury(name, buried(5))
    commit(log)
    log.forget("1")
    log.bury("2", buried(4))
    log.bury("3", buried(6))
    log.sync()
    assert versions(tmp_path / FILE) == {"1": 5, "2": 5, "3": 6}
    log.committed(nothing_stored)
    assert versions(tmp_path / FILE) == {"2": 4, "3": 6}


@pytest.mark.parametrize(
    "tail", [b'["3",7,1.0,{},{', b"\0" * 40, b'["3"', b'["3",7]\n', b'{"a": 1}\n[]\n', b"\xff\xfe\n"]
)
def test_a_torn_tail_is_passed_over_and_repaired(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / FILE
    log = opened(path)
    log.bury("1", buried(5))
    commit(log)
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert versions(path) == {"1": 5}
    log = opened(path)
    assert path.read_bytes() == whole
    log.bury("2", buried(6))
    commit(log)
    assert versions(path) == {"1": 5, "2": 6}


def test_waste_is_compacted_away_with_what_lies_under_stored_products(tmp_path: Path) -> None:
    path = tmp_path / FILE
    log = TombstoneLog(path, min_waste_lines=20)
    for version in range(30):
        log.bury("1", buried(version))
        log.bury("2", buried(version))
        log.sync()
        log.committed(lambda name: name == "2")
    assert versions(path)["1"] == 29
    assert path.read_bytes().count(b"\n") <= 26
    log.close()


def test_pruning_leaves_what_is_young_and_what_is_of_the_batch(tmp_path: Path) -> None:
    log = opened(tmp_path / FILE)
    for name, at in (("old", 10.0), ("back", 10.0), ("young", 30.0), ("anew", 10.0)):
        log.bury(name, buried(1, at))
    commit(log)
    log.bury("anew", buried(2, 40.0))
    assert log.prune(20.0, lambda name: name == "back") == 1
    assert versions(tmp_path / FILE) == {"young": 1, "anew": 1}
    commit(log)
    assert versions(tmp_path / FILE) == {"young": 1, "anew": 2}


# ---------------------------------------------------------------- in the engine


def test_a_tombstone_whose_delete_was_not_committed_does_no_harm(tmp_path: Path) -> None:
    """As a kill between the two steps of a commit leaves it: the line is there, the product too."""
    with make_engine(tmp_path) as engine:
        put(engine, [product("1", version=3), product("2", version=3)])
    log = opened(file_of(tmp_path))
    log.bury("1", buried(5))
    log.bury("2", buried(5))
    log.sync()
    log.close()
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as engine:
        assert graves(engine) == {}
        assert engine.count() == 2
        results = put(engine, [product("1", version=4), Update(id="1", fields={"price_minor": 1}, version=5)])
        assert [r.status for r in results] == [S.UPDATED, S.UPDATED]
        assert [r.status for r in put(engine, [Delete(id="1", version=4), Delete(id="2")])] == [S.DELETED, S.DELETED]
        assert graves(engine) == {"1": 4}
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as engine:
        assert graves(engine) == {"1": 4}
        assert [r.status for r in put(engine, [product("2", version=4)])] == [S.CREATED]


def test_tombstones_are_durable_before_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, int]] = []
    with make_engine(tmp_path) as engine:
        put(engine, [product("1", version=1)])
        list(engine.write([Delete(id="1", version=5)]))
        real, path = os.fsync, file_of(tmp_path)

        def watched(handle: int) -> None:
            real(handle)
            if path.exists() and os.fstat(handle).st_ino == path.stat().st_ino:
                seen.append(versions(path))
                assert engine.count() == 1

        monkeypatch.setattr(module.os, "fsync", watched)
        engine.refresh()
        assert seen == [{"1": 5}]
        assert engine.count() == 0


def test_a_tombstone_that_cannot_be_written_fails_the_refresh_and_loses_nothing_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product("1", version=1), Delete(id="2", version=1)])
        list(engine.write([Delete(id="1", version=5), Delete(id="2", version=5)]))

        def full(self: TombstoneLog) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(TombstoneLog, "sync", full)
            with pytest.raises(EngineError, match="No space"):
                engine.refresh()
        assert engine.count() == 1
        assert graves(engine) == {"2": 1}
        assert [r.status for r in put(engine, [Delete(id="1", version=5)])] == [S.DELETED]
        assert graves(engine) == {"1": 5, "2": 1}


def test_field_versions_survive_compaction_and_reopening(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product("1", version=1, price_minor=1), Update(id="1", fields={"price_minor": 7}, version=7)])
        for version in range(2, 6):  # most rows are dead then: they are compacted
            put(engine, [product(str(n), version=version) for n in range(2, 90)])
        assert min(int(path.name) for path in tmp_path.glob("products-*/rows/*")) > 0
    with EmbeddedEngine.open(tmp_path, tuning=TUNING) as engine:
        put(engine, [product("1", version=6, price_minor=6)])
        assert engine.fetch(["1"], ["price_minor", "version"]) == [{"price_minor": 7, "version": 7}]


def test_pruning_is_durable_and_takes_the_lock(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [Delete(id="1", version=5), product("2", version=1)])
        with EmbeddedEngine.open(tmp_path, tuning=TUNING) as reader:
            assert graves(reader) == {"1": 5}
            with pytest.raises(EngineBusy):
                reader.prune_deleted(0)
        assert engine.prune_deleted(0) == 1
    assert versions(file_of(tmp_path)) == {}
