"""A seeded history of writes whose result is known at every refresh; run as a program it writes that history.

    python -m tests.chaos.embedded_rounds FOLDER SEED

Each round writes, updates and deletes some products, sets the round's number on a marker product, and refreshes.
Lines on stdout say how far it is: `write N`, `refresh N`, `done N`. It goes on from the round that the folder holds
and never ends by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.engines.base import Delete, Float32Array, IndexedProduct, Update, Upsert, Write
from multirecall.engines.embedded import EmbeddedEngine, Tuning
from multirecall.engines.schema import Schema, VectorField
from multirecall.engines.versions import Bury, Change, Leave, Remove, Replace, State, Tombstone, Versions, decide

DIM = 8
MARKER = "marker"
TUNING = Tuning(heap_bytes=15_000_000, threads=1, min_graph_rows=300, min_dead_rows=900, min_waste_tombstones=50)
"""Small, so that the rounds make and remake graphs and compact rows and tombstones."""

SCHEMA = Schema(vectors=(VectorField(name="dense", dim=DIM, encoder="hashing", fingerprint="f"),))

_IDS = 700
_WRITES = 240


def vector(id: str, version: int) -> Float32Array:
    """The vector of a version of a product: no two are alike."""
    drawn = np.random.default_rng([int.from_bytes(id.encode(), "big") % 2**32, version]).normal(size=DIM)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


def round_writes(seed: int, number: int) -> Iterator[Write]:
    """The writes of one round. Each has a version of its own, one in three of them from some rounds ago: late."""
    rng = np.random.default_rng([seed, number])
    drawn = zip(rng.random(_WRITES), rng.integers(_IDS, size=_WRITES), rng.random(_WRITES), strict=True)
    for position, (kind, pick, lateness) in enumerate(drawn):
        name = f"p{pick}"
        rounds_ago = int(lateness * 12) if lateness < 1 / 3 else 0
        version = max(0, number - rounds_ago) * _WRITES + position
        if kind < 0.5:
            fields = {"title": f"lamp {pick} of round {number}", "brand": f"brand{pick % 7}", "popularity": 0.0}
            yield Upsert(
                product=IndexedProduct(id=name, fields=fields, vectors={"dense": vector(name, number)}), version=version
            )
        elif kind < 0.75:
            yield Update(id=name, fields={"popularity": float(number), "price_minor": int(pick)}, version=version)
        else:
            yield Delete(id=name, version=version)
    yield Upsert(product=IndexedProduct(id=MARKER, fields={"title": "marker", "popularity": float(number)}))


@dataclass(frozen=True, slots=True)
class _Held:
    """What lies under an id: `vector` is the round of the product's vector."""

    state: State = None
    record: dict[str, Any] = field(default_factory=dict)
    vector: int | None = None


class History:
    """What the index holds after so many rounds: per id its fields, and under `vector` the version of its vector."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._states: list[dict[str, _Held]] = [{}]

    def __getitem__(self, rounds: int) -> dict[str, dict[str, Any]]:
        held = self._after(rounds)
        return {
            name: {**one.record, "vector": one.vector} for name, one in held.items() if isinstance(one.state, Versions)
        }

    def graves(self, rounds: int) -> dict[str, int]:
        """The versions of the tombstones after so many rounds."""
        held = self._after(rounds)
        return {name: one.state.version for name, one in held.items() if isinstance(one.state, Tombstone)}

    def _after(self, rounds: int) -> dict[str, _Held]:
        for number in range(len(self._states), rounds + 1):
            held = dict(self._states[-1])
            for write in round_writes(self.seed, number):
                held[write.id] = _applied(write, held.get(write.id, _Held()), number)
            self._states.append(held)
        return self._states[rounds]


def _applied(write: Write, held: _Held, number: int) -> _Held:
    decision = decide(write, held.state)
    match decision:
        case Leave():
            return held
        case Replace():
            record = {name: value for name, value in decision.record(held.record).items() if value is not None}
            return _Held(decision.versions, record, number if decision.write.product.vectors else None)
        case Change():
            return _Held(decision.versions, held.record | decision.fields, held.vector)
        case Bury():
            kept = {name: held.record.get(name) for name in decision.tombstone.fields}
            return _Held(decision.tombstone, kept)
        case Remove():
            return _Held()


def rounds_held(engine: EmbeddedEngine) -> int:
    """The number of the last round that is in the index, 0 for none."""
    [marker] = engine.fetch([MARKER], ["popularity"])
    return 0 if marker is None else int(marker["popularity"])


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    with EmbeddedEngine.open(folder, create=True, tuning=TUNING) as engine:
        if not engine.indexes():
            engine.swap(engine.create(SCHEMA))
        number = rounds_held(engine)
        while True:
            number += 1
            print(f"write {number}", flush=True)
            for result in engine.write(round_writes(seed, number)):
                if not result.ok and result.status != "missing":
                    raise RuntimeError(str(result))
            print(f"refresh {number}", flush=True)
            engine.refresh()
            print(f"done {number}", flush=True)


if __name__ == "__main__":
    main()
