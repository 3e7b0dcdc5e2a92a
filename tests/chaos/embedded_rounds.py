"""A seeded history of writes whose result is known at every refresh; run as a program it writes that history.

    python -m tests.chaos.embedded_rounds FOLDER SEED

Each round writes, updates and deletes some products, sets the round's number on a marker product, and refreshes.
Lines on stdout say how far it is: `write N`, `refresh N`, `done N`. It goes on from the round that the folder holds
and never ends by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.engines.base import Delete, Float32Array, IndexedProduct, Update, Upsert, Write
from multirecall.engines.embedded import EmbeddedEngine, Tuning
from multirecall.engines.schema import Schema, VectorField

DIM = 8
MARKER = "marker"
TUNING = Tuning(heap_bytes=15_000_000, threads=1, min_graph_rows=300, min_dead_rows=900)
"""Small, so that the rounds make and remake graphs and compact rows."""

SCHEMA = Schema(vectors=(VectorField(name="dense", dim=DIM, encoder="hashing", fingerprint="f"),))

_IDS = 700
_WRITES = 240


def vector(id: str, version: int) -> Float32Array:
    """The vector of a version of a product: no two are alike."""
    drawn = np.random.default_rng([int.from_bytes(id.encode(), "big") % 2**32, version]).normal(size=DIM)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


def round_writes(seed: int, number: int) -> Iterator[Write]:
    """The writes of one round. Versions are the round's number, so that a round done twice changes nothing."""
    rng = np.random.default_rng([seed, number])
    for kind, pick in zip(rng.random(_WRITES), rng.integers(_IDS, size=_WRITES), strict=True):
        name = f"p{pick}"
        if kind < 0.6:
            fields = {"title": f"lamp {pick} of round {number}", "brand": f"brand{pick % 7}", "popularity": 0.0}
            yield Upsert(
                product=IndexedProduct(id=name, fields=fields, vectors={"dense": vector(name, number)}), version=number
            )
        elif kind < 0.85:
            yield Update(id=name, fields={"popularity": float(number), "price_minor": int(pick)}, version=number)
        else:
            yield Delete(id=name, version=number)
    yield Upsert(product=IndexedProduct(id=MARKER, fields={"title": "marker", "popularity": float(number)}))


class History:
    """What the index holds after so many rounds: per id its fields, and under `vector` the version of its vector."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._states: list[dict[str, dict[str, Any]]] = [{}]

    def __getitem__(self, rounds: int) -> dict[str, dict[str, Any]]:
        for number in range(len(self._states), rounds + 1):
            held = dict(self._states[-1])
            for write in round_writes(self._seed, number):
                match write:
                    case Delete():
                        held.pop(write.id, None)
                    case Update():
                        if write.id in held:
                            held[write.id] = held[write.id] | write.fields
                    case Upsert():
                        version = number if write.product.vectors else None
                        held[write.id] = {**write.product.fields, "vector": version}
            self._states.append(held)
        return self._states[rounds]


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
