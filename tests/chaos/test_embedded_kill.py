"""kill -9 at seeded moments: nothing refreshed is lost, nothing half-written is seen, reopening needs no help."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.engines.base import Delete, EngineRequest, Everything, Text, Vector
from multirecall.engines.embedded import EmbeddedEngine
from tests.chaos.embedded_rounds import MARKER, TUNING, History, round_writes, rounds_held, vector

ROOT = Path(__file__).resolve().parents[2]
KILLS = 8
FIELDS = ("title", "brand", "popularity", "price_minor", "version")


def _run_and_kill(folder: Path, seed: int, kill: int) -> int:
    """Lets the writer run to a random line and a random time beyond it; returns the last round it called done."""
    rng = random.Random(f"{seed}/{kill}")
    stop_after = rng.randrange(1, 14)
    beyond_s = rng.random() * 0.06
    done = 0
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.embedded_rounds", str(folder), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(stop_after):
            word, _, number = process.stdout.readline().strip().partition(" ")
            assert word, f"the writer died by itself: {process.stderr.read()}"
            if word == "done":
                done = int(number)
        try:
            process.wait(timeout=beyond_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        for line in process.stdout:  # what it said between the last line read and its death
            if line.startswith("done ") and line.endswith("\n"):
                done = int(line.split()[1])
        process.wait()
        assert process.returncode == -signal.SIGKILL, process.stderr.read()
    return done


def _check(engine: EmbeddedEngine, history: History, acknowledged: int) -> int:
    """The index holds exactly the state after a round at or right after the acknowledged one; returns the round."""
    held = rounds_held(engine)
    assert acknowledged <= held <= acknowledged + 1
    products = history[held]
    found = {r["id"]: r for r in engine.scan([*FIELDS, "vectors.dense"])}
    assert set(found) == set(products)
    assert engine.count() == len(products)
    for name, product in products.items():
        stored = found[name].pop("vectors.dense", None)
        assert {**found[name], "vector": product["vector"]} == {"id": name, **product}
        assert (stored is None) == (product["vector"] is None)
        if stored is not None:
            np.testing.assert_allclose(stored, vector(name, product["vector"]), atol=1e-6)
    _check_searches(engine, products)
    _check_tombstones(engine, history, held)
    return held


def _check_tombstones(engine: EmbeddedEngine, history: History, held: int) -> None:
    """None is lost. Those of the round that was cut off may be there already, since they are written first."""
    graves, expected = {one.id: one.version for one in engine.deleted()}, history.graves(held)
    deletes = {(w.id, w.version) for w in round_writes(history.seed, held + 1) if isinstance(w, Delete)}
    assert set(expected) <= set(graves)
    for name, version in graves.items():
        assert version == expected.get(name) or ((name, version) in deletes and version > expected.get(name, -1))


def _check_searches(engine: EmbeddedEngine, products: dict[str, dict[str, Any]]) -> None:
    with_vector = {name: product for name, product in products.items() if product["vector"] is not None}
    query = vector("query", 0)
    everything, lamps, near = engine.search_many(
        [
            EngineRequest(clause=Everything(), k=2000),
            EngineRequest(clause=Text(text="lamp"), k=2000),
            EngineRequest(clause=Vector(field="dense", vector=query), k=2000),
        ],
        Deadline.never(),
    )
    assert [hit.id for hit in everything.hits] == sorted(products)
    assert {hit.id for hit in lamps.hits} == set(products) - {MARKER}
    cosines = {name: float(vector(name, p["vector"]) @ query) for name, p in with_vector.items()}
    assert {hit.id for hit in near.hits} == set(cosines)  # no zombie, no loss
    for hit in near.hits:
        assert hit.score == pytest.approx(cosines[hit.id], abs=1e-5)
    middle = sorted(with_vector)[len(with_vector) // 2]
    own = Vector(field="dense", vector=vector(middle, with_vector[middle]["vector"]))
    [nearest] = engine.search_many([EngineRequest(clause=own, k=1)], Deadline.never())
    assert nearest.hits[0].id == middle


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_writer_loses_nothing_refreshed(tmp_path: Path, seed: int) -> None:
    folder, history, held = tmp_path / "index", History(seed), 0
    for kill in range(KILLS):
        done = _run_and_kill(folder, seed, kill)
        with EmbeddedEngine.open(folder, tuning=TUNING) as engine:
            if engine.indexes() and engine.info().live:
                held = _check(engine, history, max(done, held))
    assert held >= KILLS  # it got on between the kills
    graphs = list(folder.glob("products-*/graphs/*.usearch"))
    assert graphs, "the rounds are meant to be long enough for vector graphs"
    segments = {int(path.name) for path in folder.glob("products-*/rows/*")}
    assert max(segments) > 0, "the rounds are meant to be long enough for a compaction"


def test_a_reader_in_this_process_sees_whole_rounds_while_another_writes(tmp_path: Path) -> None:
    folder, seed = tmp_path / "index", 3
    history = History(seed)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.embedded_rounds", str(folder), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if line == "done 1\n":
                    break
            with EmbeddedEngine.open(folder, tuning=TUNING) as engine:
                seen: set[int] = set()
                while len(seen) < 4:  # until it has noticed commits of the writer
                    assert process.poll() is None, process.stderr.read()
                    [result] = engine.search_many(
                        [EngineRequest(clause=Everything(), k=2000, fields=("popularity",))], Deadline.never()
                    )
                    popularity = {hit.id: hit.fields.get("popularity") for hit in result.hits}
                    number = int(popularity[MARKER] or 0)
                    seen.add(number)
                    assert popularity == {name: p.get("popularity") for name, p in history[number].items()}
        finally:
            process.kill()
