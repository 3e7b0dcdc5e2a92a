"""A full disk: a clear error, the old state keeps answering, and with space again writing goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineError, StorageFull
from multirecall.engines.base import EngineRequest, IndexedProduct, Text, Upsert, Vector
from multirecall.engines.embedded import EmbeddedEngine, Tuning
from multirecall.engines.schema import Schema, VectorField

DIM = 64
SCHEMA = Schema(vectors=(VectorField(name="dense", dim=DIM, encoder="hashing", fingerprint="f", index="hnsw"),))
TUNING = Tuning(heap_bytes=15_000_000, threads=1, min_graph_rows=500)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount the small file system that this test fills")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this machine mounts no tmpfs: {mounted.stderr.strip()}")
    yield folder
    # lazily: the traceback that a test keeps may hold a memory map
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _products(prefix: str, count: int) -> Iterator[Upsert]:
    rng = np.random.default_rng(len(prefix))
    for number in range(count):
        words = " ".join(f"w{w}" for w in rng.integers(5_000, size=60))
        vector = rng.normal(size=DIM).astype(np.float32)
        fields = {"title": f"{prefix} lamp {number}", "description": words}
        yield Upsert(
            product=IndexedProduct(
                id=f"{prefix}{number}", fields=fields, vectors={"dense": vector / np.linalg.norm(vector)}
            )
        )


def _found(engine: EmbeddedEngine, word: str) -> int:
    lexical, dense = engine.search_many(
        [
            EngineRequest(clause=Text(text=word), k=10),
            EngineRequest(clause=Vector(field="dense", vector=np.ones(DIM, dtype=np.float32)), k=10),
        ],
        Deadline.never(),
    )
    assert lexical.status == dense.status == "ok"
    assert len(dense.hits) == 10
    assert lexical.total is not None
    return lexical.total


def _write_for_ever(engine: EmbeddedEngine) -> None:
    while True:
        for result in engine.write(_products("new", 600)):
            assert result.ok
        engine.refresh()


def _hear_of_lost_writes(engine: EmbeddedEngine) -> None:
    """The refresh after a failed write says once that a batch was lost; after a failed refresh there is no news."""
    try:
        engine.refresh()
    except EngineError as error:
        if "were lost" not in str(error):
            raise


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("ballast_mb", [5, 7, 8])
def test_a_full_disk_keeps_what_was_refreshed(small_disk: Path, ballast_mb: int) -> None:
    ballast = small_disk / "ballast"
    with EmbeddedEngine.open(small_disk / "index", create=True, tuning=TUNING) as engine:
        engine.swap(engine.create(SCHEMA))
        assert all(r.ok for r in engine.write(_products("old", 600)))
        engine.refresh()
        ballast.write_bytes(bytes(ballast_mb << 20))

        with pytest.raises(StorageFull, match="space"):
            _write_for_ever(engine)
        held = engine.count()
        assert held in (600, 1_200)  # whole refreshes only
        assert _found(engine, "old") == 600
        assert _found(engine, "new") == held - 600

        ballast.unlink()
        _hear_of_lost_writes(engine)
        assert all(r.ok for r in engine.write(_products("more", 50)))
        engine.refresh()
        assert engine.count() == held + 50
    with EmbeddedEngine.open(small_disk / "index", tuning=TUNING) as again:
        assert again.count() == held + 50
        assert _found(again, "more") == 50


@pytest.mark.slow
def test_no_space_for_a_new_index_or_a_swap_changes_nothing(small_disk: Path) -> None:
    with EmbeddedEngine.open(small_disk / "index", create=True, tuning=TUNING) as engine:
        engine.swap(engine.create(SCHEMA))
        assert all(r.ok for r in engine.write(_products("old", 100)))
        engine.refresh()
        live = engine.info().name
        with pytest.raises(OSError, match="No space left"):
            _fill(small_disk / "ballast")
        with pytest.raises(StorageFull):
            engine.create(SCHEMA)
        assert [i.name for i in engine.indexes()] == [live]
        with pytest.raises(StorageFull):
            engine.swap(live)
        assert engine.info().name == live
        assert _found(engine, "old") == 100
