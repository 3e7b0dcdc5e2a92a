from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.query import Sort
from multirecall.engines.base import Everything, Text
from multirecall.engines.embedded import EmbeddedEngine
from tests.unit.engines.embedded.making import make_engine, product, put, search


@pytest.fixture(scope="module")
def records() -> dict[str, dict[str, Any]]:
    rng = random.Random(5)
    made = {}
    for n in rng.sample(range(1_000), 400):
        fields = {
            "price_minor": rng.choice([None, 1, 2, 3]),
            "in_stock": rng.choice([None, True, False]),
            "brand": rng.choice([None, "HP", "Dell", "Äpfel"]),
            "popularity": rng.choice([None, -1.5, 0.0, 2.5]),
        }
        made[f"p{n}"] = {name: value for name, value in fields.items() if value is not None}
    return made


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, records: dict[str, dict[str, Any]]) -> Iterator[EmbeddedEngine]:
    with make_engine(tmp_path_factory.mktemp("sorting")) as engine:
        rows = list(records.items())
        for start in range(0, len(rows), 130):  # several segments
            put(engine, [product(name, **fields) for name, fields in rows[start : start + 130]])
        yield engine


def _sorted(records: dict[str, dict[str, Any]], sorts: tuple[Sort, ...]) -> list[str]:
    """By Python: stable sorts from the last key to the first, missing values last."""
    names = sorted(records)
    for sort in reversed(sorts):
        if sort.field == "id":
            names.sort(reverse=sort.descending)
            continue
        having = [name for name in names if sort.field in records[name]]
        having.sort(key=lambda name: records[name][sort.field], reverse=sort.descending)
        names = having + [name for name in names if sort.field not in records[name]]
    return names


@pytest.mark.parametrize("k", [1, 7, 150, 400, 1_000])
@pytest.mark.parametrize(
    "fields",
    [
        ("price_minor",), ("-price_minor",), ("in_stock",), ("-in_stock",), ("brand",), ("-brand",), ("id",), ("-id",),
        ("in_stock", "-price_minor"), ("-brand", "in_stock", "popularity"), ("popularity", "-id"),
    ],
)  # fmt: skip
def test_sorts_are_those_of_python(
    engine: EmbeddedEngine, records: dict[str, dict[str, Any]], fields: tuple[str, ...], k: int
) -> None:
    sorts = tuple(Sort(field=f.lstrip("-"), descending=f.startswith("-")) for f in fields)
    for clause in (Everything(), Text(text="lamps")):
        result = search(engine, clause, k, sort=sorts)
        assert [h.id for h in result.hits] == _sorted(records, sorts)[:k]
        assert result.total == len(records)


@pytest.mark.parametrize("k", [1, 10, 33, 399])
def test_equal_scores_are_ordered_by_id_also_at_the_cut(
    engine: EmbeddedEngine, records: dict[str, dict[str, Any]], k: int
) -> None:
    result = search(engine, Text(text="lamp"), k)
    assert len({h.score for h in result.hits}) == 1
    assert [h.id for h in result.hits] == sorted(records)[:k]
    assert [h.id for h in search(engine, Everything(), k).hits] == sorted(records)[:k]


def test_no_hits_wanted_gives_the_total(engine: EmbeddedEngine, records: dict[str, dict[str, Any]]) -> None:
    for clause in (Everything(), Text(text="lamp")):
        result = search(engine, clause, 0, sort=(Sort(field="price_minor"),))
        assert (result.hits, result.total) == ((), len(records))


def test_better_hits_come_before_ties(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product(f"p{n:03d}", title="lamp") for n in range(100)])
        put(engine, [product("z", title="lamp lamp"), product("y", title="lamp lamp")])
        assert [h.id for h in search(engine, Text(text="lamp"), 4).hits] == ["y", "z", "p000", "p001"]
