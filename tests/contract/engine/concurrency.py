"""Many threads at once: readers see whole states, writers do not disturb them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineBusy, NotFound
from multirecall.core.filters import Term
from multirecall.engines.base import Delete, Engine, EngineRequest, Everything, Text, Update, Vector
from tests.contract.asking import LIMIT_S, put, text_ids
from tests.contract.gaps import gap
from tests.contract.shop import DIM, QUERY_VECTOR, contract_schema
from tests.support.records import product, unit
from tests.support.stores import Store

__all__ = ["ConcurrencyContract"]

READERS = 8


def read_while(write: Callable[[], None], read: Callable[[], None]) -> None:
    """Runs `read` over and over in eight threads while `write` runs; raises what any of them raised."""
    over = threading.Event()

    def reader() -> int:
        rounds = 0
        while not over.is_set() or rounds == 0:
            read()
            rounds += 1
        return rounds

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(reader) for _ in range(READERS)]
        try:
            write()
        finally:
            over.set()
        assert all(r.result(timeout=60) >= 1 for r in readers)


class ConcurrencyContract:
    def test_eight_readers_and_a_writer(self, empty: Engine) -> None:
        """Every refresh makes one more batch of ten visible: a reader that sees another number saw a torn state."""
        batches = 6
        requests = [
            EngineRequest(clause=Everything(), k=200),
            EngineRequest(clause=Text(text="lamp"), k=200),
            EngineRequest(clause=Vector(field="dense", vector=QUERY_VECTOR), k=200),
        ]

        def write() -> None:
            for batch in range(batches):
                rows = [
                    product(
                        f"{batch}-{n}", "lamp", price_minor=batch, vectors={"dense": unit(*range(n + 1, n + 1 + DIM))}
                    )
                    for n in range(10)
                ]
                put(empty, *rows, Update(id=f"{batch}-0", fields={"in_stock": True}))

        def read() -> None:
            for result in empty.search_many(requests, Deadline.after(LIMIT_S)):
                assert not result.error
                found = [hit.id for hit in result.hits]
                assert len(found) == len(set(found))
                assert len(found) % 10 == 0
                assert result.total is None or result.total == len(found)
            assert empty.count(Term(field="price_minor", value=0)) in (0, 10)
            [record] = empty.fetch(["0-3"], ["title", "vectors.dense"])
            assert record is None or (record["title"] == "lamp" and len(record["vectors.dense"]) == DIM)

        read_while(write, read)
        assert empty.count() == batches * 10

    def test_readers_never_see_half_a_swap(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        small, large = fresh.create(schema), fresh.create(schema)
        put(fresh, *(product(f"s{n}", "lamp") for n in range(5)), index=small)
        put(fresh, *(product(f"l{n}", "lamp") for n in range(9)), index=large)
        fresh.swap(small)
        request = EngineRequest(clause=Text(text="lamp"), k=20)

        def write() -> None:
            for _ in range(6):
                assert fresh.swap(large) == small
                assert fresh.swap(small) == large

        def read() -> None:
            [result] = fresh.search_many([request], Deadline.after(LIMIT_S))
            assert not result.error
            assert {hit.id[0] for hit in result.hits} in ({"s"}, {"l"})
            assert result.total == len(result.hits) == (5 if result.hits[0].id[0] == "s" else 9)

        read_while(write, read)

    def test_an_index_dropped_after_the_swap_is_not_missed(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        live = fresh.create(schema)
        put(fresh, product("1", "lamp"), index=live)
        fresh.swap(live)

        def write() -> None:
            for _ in range(3):
                index = fresh.create(schema)
                put(fresh, product("1", "lamp"), index=index)
                before = fresh.swap(index)
                assert before is not None
                fresh.drop(before)

        def read() -> None:
            assert text_ids(fresh, "lamp") == ["1"]

        read_while(write, read)
        assert len(fresh.indexes()) == 1

    def test_writers_in_several_threads_lose_nothing(self, empty: Engine) -> None:
        def write(worker: int) -> bool:
            rows = [product(f"{worker}-{n}", "lamp", price_minor=n) for n in range(50)]
            put(empty, *rows)
            put(empty, Delete(id=f"{worker}-0"), Update(id=f"{worker}-1", fields={"price_minor": 1000}))
            return True

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(write, range(4)))
        assert empty.count() == 4 * 49
        assert empty.count(Term(field="price_minor", value=1000)) == 4

    @gap("exact", "never", "it lives in memory, so a second engine has products of its own", raises=NotFound)
    def test_a_second_engine_writes_too_or_is_told_to_wait(self, empty: Engine, store: Store) -> None:
        put(empty, product("1", "lamp"))
        if not empty.capabilities.concurrent_writers:
            with pytest.raises(EngineBusy), store.open(empty.name) as second:
                put(second, product("2", "lamp"))
            put(empty, product("3", "lamp"))
            assert text_ids(empty, "lamp") == ["1", "3"]
            return
        with store.open(empty.name) as second:
            put(second, product("2", "lamp"))
            assert text_ids(second, "lamp") == ["1", "2"]
        assert text_ids(empty, "lamp") == ["1", "2"]
