"""A long random series of writes leaves every engine in the same state, with the same result for each write."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator

from multirecall.core.deadline import Deadline
from multirecall.engines.base import Delete, Engine, EngineRequest, Update, Upsert, Vector, Write
from multirecall.engines.exact import ExactEngine
from multirecall.engines.fields import STORED_FIELDS
from tests.congruence.pairs import Pair, filled
from tests.support.catalogue import Catalogue

BATCHES = 6
WRITES = 150


def _write(rng: Generator, catalogue: Catalogue) -> Write:
    """One of 80 ids, so that most are written several times; now and then something that is refused."""
    target = f"p{rng.integers(0, 80):05d}"
    version = int(rng.integers(1, 30)) if rng.random() < 0.6 else None
    match int(rng.integers(0, 8)):
        case 0:
            return Delete(id=target, version=version)
        case 1 | 2:
            fields = {"price_minor": int(rng.integers(1, 10**6)), "in_stock": bool(rng.random() < 0.5)}
            return Update(id=target, fields=fields, version=version)
        case 3:
            fields = {"popularity": None} if rng.random() < 0.5 else {"title": "not allowed"}
            return Update(id=target, fields=fields, version=version)
        case _:
            other = catalogue.products[rng.integers(len(catalogue.products))]
            return Upsert(
                product=type(other)(id=target, fields={**other.fields, "id": target}, vectors=other.vectors),
                version=version,
            )


def _state(engine: Engine) -> dict[str, dict[str, object]]:
    return {r["id"]: {k: v for k, v in r.items() if k != "id"} for r in engine.scan(STORED_FIELDS)}


def test_random_writes_leave_the_same_state(pair: Pair) -> None:
    rng = np.random.default_rng(pair.catalogue.seed + 7)
    query = Vector(field="dense", vector=pair.catalogue.vector(rng))
    statuses: set[str] = set()
    with ExactEngine() as exact, pair.spare() as other:
        filled(exact, pair.catalogue.products[:40])
        filled(other, pair.catalogue.products[:40])
        for batch in range(BATCHES):
            writes = [_write(rng, pair.catalogue) for _ in range(WRITES)]
            expected = [(r.id, r.ok, r.status) for r in exact.write(writes)]
            found = [(r.id, r.ok, r.status) for r in other.write(writes)]
            wrong = [(w, e, f) for w, e, f in zip(writes, expected, found, strict=True) if e != f]
            assert not wrong, f"seed {pair.catalogue.seed}, batch {batch}: {wrong[0]}"
            statuses |= {status for _, _, status in expected}
            exact.refresh()
            other.refresh()
            assert _state(other) == _state(exact), f"seed {pair.catalogue.seed}, batch {batch}"
            [near], [truth] = (
                e.search_many([EngineRequest(clause=query, k=100)], Deadline.after(60.0)) for e in (other, exact)
            )
            assert {h.id: h.score for h in near.hits} == pytest.approx({h.id: h.score for h in truth.hits}, abs=1e-4)
    assert statuses == {"created", "updated", "deleted", "missing", "stale", "rejected"}
