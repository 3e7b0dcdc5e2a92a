from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineBusy, InvalidFilter, InvalidInput, InvalidSettings, NotFound
from multirecall.core.filters import Term
from multirecall.core.query import Facet
from multirecall.engines.base import Delete, EngineRequest, Everything, Text, Update
from multirecall.engines.embedded import EmbeddedEngine, Tuning
from tests.unit.engines.embedded.making import TUNING, make_engine, near, product, put, schema, search, unit_vectors

VECTORS = unit_vectors(1, 600)


def test_a_second_writer_is_told_to_wait_and_reading_goes_on(tmp_path: Path) -> None:
    with make_engine(tmp_path) as first, EmbeddedEngine.open(tmp_path, tuning=TUNING) as second:
        put(first, [product("a")])
        with pytest.raises(EngineBusy, match="Another writer holds the index") as caught:
            list(second.write([product("b")]))
        assert "Wait until the other one closes" in caught.value.hint
        second.refresh()  # nothing of its own to make durable
        assert second.count() == 1
        first.close()
        put(second, [product("b")])
        assert second.count() == 2


def test_another_engine_notices_refreshes_and_swaps(tmp_path: Path) -> None:
    with make_engine(tmp_path) as writer, EmbeddedEngine.open(tmp_path, tuning=TUNING) as reader:
        assert reader.count() == 0
        list(writer.write([product("a")]))
        assert reader.count() == writer.count() == 0
        writer.refresh()
        assert reader.count() == writer.count() == 1
        second = writer.create(schema())
        list(writer.write([product("x"), product("y")], index=second))
        writer.refresh(index=second)
        assert (reader.count(), reader.count(index=second)) == (1, 2)
        assert writer.swap(second) == "products-000001"
        assert reader.count() == 2
        assert reader.info().name == second
        writer.drop("products-000001")
        with pytest.raises(NotFound):
            reader.count(index="products-000001")
        assert [i.name for i in reader.indexes()] == [second]


def test_an_index_dropped_and_made_again_is_read_anew(tmp_path: Path) -> None:
    with make_engine(tmp_path) as writer, EmbeddedEngine.open(tmp_path, tuning=TUNING) as reader:
        second = writer.create(schema())
        put(writer, [product("a")])
        assert reader.count(index=second) == 0
        writer.drop(second)
        assert writer.create(schema("flat", language="german")) == second
        list(writer.write([product("b")], index=second))
        writer.refresh(index=second)
        assert reader.count(index=second) == 1
        assert reader.info(index=second).schema.language == "german"


def test_names_lead_nowhere_else(tmp_path: Path) -> None:
    with make_engine(tmp_path / "shop") as engine:
        for name in ("..", "../shop", ".", "", "products-1", "engine.json", "current"):
            with pytest.raises(NotFound):
                engine.info(index=name)
            with pytest.raises(NotFound):
                engine.drop(name)


def test_wrong_requests_raise_before_anything_is_searched(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        good = EngineRequest(clause=Everything(), k=1)
        bad = EngineRequest(clause=Everything(), k=1, filter=Term(field="nope", value=1))
        with pytest.raises(InvalidFilter, match="nope"):
            engine.search_many([good, bad], Deadline.never())
        with pytest.raises(InvalidInput, match="live"):
            engine.drop("products-000001")
        with pytest.raises(InvalidSettings, match="heap_bytes"):
            Tuning(heap_bytes=1)


def test_range_facets_may_have_infinite_edges(tmp_path: Path) -> None:
    inf = float("inf")
    with make_engine(tmp_path) as engine:
        put(engine, [product(str(n), price_minor=n) for n in range(5)])
        put(engine, [product("none", brand="HP")])
        for edges, expected in (
            ((-inf, 2.0), [0, 2, 3]), ((2.0, inf), [2, 3, 0]), ((-inf, inf), [0, 5, 0]), ((inf,), [5, 0]),
            ((2.5,), [3, 2]),
        ):  # fmt: skip
            [facet] = search(engine, Text(text="lamp"), facets=(Facet(field="price_minor", edges=edges),)).facets
            assert [c.count for c in facet.counts] == expected, edges
            assert [c.gte for c in facet.counts] == [None, *edges]


def test_a_scan_gives_every_product_once_while_others_write(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product(f"p{n}", v) for n, v in enumerate(VECTORS)])
        scan = engine.scan(["title"])
        first = next(scan)
        put(engine, [Delete(id=f"p{n}") for n in range(600)])
        seen = [first["id"], *(r["id"] for r in scan)]
        assert sorted(seen) == sorted(f"p{n}" for n in range(600))
        assert list(engine.scan([])) == []


def test_readers_never_see_half_a_refresh(tmp_path: Path) -> None:
    """Each refresh moves all products to another brand and vector; with graphs, deletes and compactions."""
    rounds, per_round = 12, 250
    failures: list[BaseException] = []
    stop = threading.Event()
    with make_engine(tmp_path) as engine:

        def write(number: int) -> None:
            put(
                engine,
                [product(f"p{n:03d}", VECTORS[(n + number) % 600], brand=f"b{number}") for n in range(per_round)],
            )
            put(engine, [Update(id=f"p{n:03d}", fields={"price_minor": number}) for n in range(per_round)])

        def read() -> None:
            try:
                while not stop.is_set():
                    text, dense, everything = engine.search_many(
                        [
                            EngineRequest(clause=Text(text="lamp"), k=300, facets=(Facet(field="brand"),)),
                            EngineRequest(clause=near(VECTORS[5]), k=300, fields=("brand",)),
                            EngineRequest(clause=Everything(), k=0),
                        ],
                        Deadline.never(),
                    )
                    [brand] = text.facets[0].counts
                    assert brand.count == text.total == everything.total == len(dense.hits) == per_round
                    assert {h.fields["brand"] for h in dense.hits} == {brand.value}
            except BaseException as error:  # noqa: BLE001  handed to the test's own thread
                failures.append(error)

        write(0)
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(1, rounds):
            write(number)
        stop.set()
        for reader in readers:
            reader.join()
    assert not failures, failures[0]


def test_closing_lets_go_of_the_lock_and_the_engine_says_it_is_closed(tmp_path: Path) -> None:
    engine = make_engine(tmp_path)
    list(engine.write([product("a")]))
    engine.close()
    engine.close()
    with pytest.raises(InvalidInput, match="closed"):
        engine.count()
    with make_engine(tmp_path) as again:  # writes that were not refreshed are gone
        assert again.count(index="products-000001") == 0


def test_importing_the_engines_does_not_import_tantivy() -> None:
    code = "import sys, multirecall.engines.opening as o; assert not {'tantivy', 'usearch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[4])
