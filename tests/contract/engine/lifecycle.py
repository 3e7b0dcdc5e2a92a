"""From no index to a closed engine: create, swap, drop, reopen, close."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput, NotFound
from multirecall.engines.base import Engine, EngineRequest, Everything
from multirecall.engines.credentials import Credentials
from multirecall.engines.opening import EngineAccess, open_engine
from tests.contract.asking import LIMIT_S, put, text_ids
from tests.contract.gaps import gap
from tests.contract.shop import contract_schema
from tests.support.records import product, unit, upsert
from tests.support.stores import Store

__all__ = ["AliasContract", "LifecycleContract", "SchemaContract"]

EVERYTHING = EngineRequest(clause=Everything(), k=1)

READS: dict[str, Callable[[Engine], object]] = {
    "search_many": lambda engine: engine.search_many([EVERYTHING], Deadline.after(LIMIT_S)),
    "fetch": lambda engine: engine.fetch(["1"]),
    "scan": lambda engine: list(engine.scan(["title"])),
    "count": lambda engine: engine.count(),
    "deleted": lambda engine: list(engine.deleted()),
    "prune_deleted": lambda engine: engine.prune_deleted(0),
    "info": lambda engine: engine.info(),
    "write": lambda engine: list(engine.write([upsert("1")])),
    "refresh": lambda engine: engine.refresh(),
}
"""Everything that works on the live index by default."""

CALLS = READS | {
    "create": lambda engine: engine.create(contract_schema(engine.capabilities)),
    "indexes": lambda engine: engine.indexes(),
    "swap": lambda engine: engine.swap(f"{engine.name}-000001"),
    "drop": lambda engine: engine.drop(f"{engine.name}-000001"),
}


class LifecycleContract:
    def test_an_engine_has_every_part_of_the_protocol_with_its_signature(self, fresh: Engine) -> None:
        assert isinstance(fresh, Engine)
        methods = [name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if not name.startswith("_")]
        assert "search_many" in methods
        for name in methods:
            assert inspect.signature(getattr(type(fresh), name)) == inspect.signature(getattr(Engine, name)), name

    def test_a_new_name_has_no_index(self, fresh: Engine) -> None:
        assert fresh.indexes() == []

    @pytest.mark.parametrize("call", READS)
    def test_without_a_live_index_there_is_nothing_to_work_on(self, fresh: Engine, call: str) -> None:
        with pytest.raises(NotFound):
            READS[call](fresh)
        fresh.create(contract_schema(fresh.capabilities))
        with pytest.raises(NotFound):
            READS[call](fresh)

    @pytest.mark.parametrize("call", [*READS, "swap", "drop"])
    def test_an_index_that_is_not_there_is_not_found(self, fresh: Engine, call: str) -> None:
        absent = f"{fresh.name}-000404"
        calls: dict[str, Callable[[], object]] = {
            "search_many": lambda: fresh.search_many([EVERYTHING], Deadline.after(LIMIT_S), index=absent),
            "fetch": lambda: fresh.fetch(["1"], index=absent),
            "scan": lambda: list(fresh.scan(["title"], index=absent)),
            "count": lambda: fresh.count(index=absent),
            "deleted": lambda: list(fresh.deleted(index=absent)),
            "prune_deleted": lambda: fresh.prune_deleted(0, index=absent),
            "info": lambda: fresh.info(index=absent),
            "write": lambda: list(fresh.write([upsert("1")], index=absent)),
            "refresh": lambda: fresh.refresh(index=absent),
            "swap": lambda: fresh.swap(absent),
            "drop": lambda: fresh.drop(absent),
        }
        with pytest.raises(NotFound):
            calls[call]()
        assert fresh.indexes() == []

    def test_close_twice_is_fine(self, fresh: Engine) -> None:
        fresh.close()
        fresh.close()

    @pytest.mark.parametrize("call", CALLS)
    def test_after_close_every_call_says_so(self, fresh: Engine, call: str) -> None:
        fresh.close()
        with pytest.raises(InvalidInput, match="closed"):
            CALLS[call](fresh)

    def test_leaving_the_context_closes(self, store: Store) -> None:
        with store.open(store.unique_name()) as engine:
            pass
        with pytest.raises(InvalidInput, match="closed"):
            engine.indexes()

    @gap("exact", "never", "it lives in memory, so closing it loses everything", raises=NotFound)
    def test_what_was_refreshed_is_there_when_opened_again(self, empty: Engine, store: Store) -> None:
        put(empty, product("1", "Desk lamp", price_minor=5, vectors={"dense": unit(*range(1, 9))}))
        before = empty.info()
        empty.close()
        with store.open(empty.name) as again:
            assert again.info().name == before.name
            assert again.info().schema == before.schema
            assert again.info().live
            assert text_ids(again, "lamp") == ["1"]
            [record] = again.fetch(["1"], ["title", "price_minor", "vectors.dense"])
            assert record is not None
            assert record["title"] == "Desk lamp"
            assert record["price_minor"] == 5
            assert record["vectors.dense"] == pytest.approx(unit(*range(1, 9)).tolist(), abs=1e-2)

    def test_no_secret_is_shown(self, store: Store) -> None:
        access = EngineAccess(credentials=Credentials(user="shop", password="s3cret-word"))
        with open_engine(store.url(store.unique_name()), access=access, create=True) as engine:
            with pytest.raises(NotFound) as error:
                engine.info()
            shown = f"{engine.url} {engine!r} {error.value!r} {error.value} {error.value.to_dict()}"
        assert "s3cret" not in shown
        assert access.credentials is not None
        assert access.credentials.header() not in shown

    def test_url_and_name_are_those_it_was_opened_by(self, fresh: Engine, store: Store) -> None:
        assert fresh.url == store.url(fresh.name)
        assert fresh.url.startswith(fresh.capabilities.name)


class AliasContract:
    def test_indexes_are_numbered_from_one_and_not_live(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        names = [fresh.create(schema), fresh.create(schema)]
        assert names == [f"{fresh.name}-000001", f"{fresh.name}-000002"]
        assert [(i.name, i.live, i.count) for i in fresh.indexes()] == [(n, False, 0) for n in names]

    def test_a_new_index_is_one_above_the_highest_there_is(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        first, _ = fresh.create(schema), fresh.create(schema)
        fresh.drop(first)
        assert fresh.create(schema) == f"{fresh.name}-000003"

    def test_swap_returns_what_was_live_before(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        first, second = fresh.create(schema), fresh.create(schema)
        assert fresh.swap(first) is None
        assert fresh.swap(second) == first
        assert fresh.swap(second) == second
        assert [(i.name, i.live) for i in fresh.indexes()] == [(first, False), (second, True)]
        assert fresh.info().name == second
        assert fresh.info(index=first).name == first
        assert not fresh.info(index=first).live

    def test_reads_and_writes_go_to_the_live_index_or_the_named_one(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        first, second = fresh.create(schema), fresh.create(schema)
        fresh.swap(first)
        put(fresh, product("old", "lamp"))
        put(fresh, product("new", "lamp"), product("newer", "lamp"), index=second)
        assert text_ids(fresh, "lamp") == ["old"]
        assert fresh.count() == 1
        assert fresh.count(index=second) == 2
        assert {i.name: i.count for i in fresh.indexes()} == {first: 1, second: 2}
        fresh.swap(second)
        assert text_ids(fresh, "lamp") == ["new", "newer"]
        assert fresh.fetch(["old", "new"])[0] is None
        assert fresh.fetch(["old"], index=first)[0] is not None

    def test_the_live_index_cannot_be_dropped(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        first, second = fresh.create(schema), fresh.create(schema)
        fresh.swap(first)
        with pytest.raises(InvalidInput, match=first):
            fresh.drop(first)
        fresh.swap(second)
        fresh.drop(first)
        assert [i.name for i in fresh.indexes()] == [second]

    def test_names_that_begin_alike_are_kept_apart(self, fresh: Engine, store: Store) -> None:
        name = store.unique_name()
        with store.open(name) as short, store.open(f"{name}-b") as long:
            schema = contract_schema(short.capabilities)
            inner = long.create(schema)
            long.swap(inner)
            outer = short.create(schema)
            assert outer == f"{name}-000001"
            assert [i.name for i in short.indexes()] == [outer]
            with pytest.raises((NotFound, InvalidInput)):
                short.drop(inner)
            assert [i.name for i in long.indexes()] == [inner]


class SchemaContract:
    def test_the_schema_comes_back_with_metadata_and_fingerprint(self, fresh: Engine) -> None:
        metadata = {"mapping": {"title": "Name"}, "template": "{title} – {brand}", "n": 3, "none": None, "emoji": "🧪"}
        schema = contract_schema(fresh.capabilities, language="german", metadata=metadata)
        index = fresh.create(schema)
        for info in (fresh.info(index=index), fresh.indexes()[0]):
            assert info.schema == schema
            assert info.schema.fingerprint == schema.fingerprint
            assert dict(info.schema.metadata) == metadata

    def test_two_indexes_keep_two_schemas(self, fresh: Engine) -> None:
        english, none = (contract_schema(fresh.capabilities, language=lang) for lang in ("english", "none"))
        first, second = fresh.create(english), fresh.create(none)
        assert fresh.info(index=first).schema == english
        assert fresh.info(index=second).schema == none
        for index in (first, second):
            put(fresh, product("1", "printers"), index=index)
        fresh.swap(first)
        assert text_ids(fresh, "printer") == ["1"]
        fresh.swap(second)
        assert text_ids(fresh, "printer") == []
        assert text_ids(fresh, "printers") == ["1"]

    def test_an_index_without_vectors_is_lexical_only(self, fresh: Engine) -> None:
        fresh.swap(fresh.create(contract_schema(fresh.capabilities, vectors=())))
        put(fresh, product("1", "lamp"))
        assert text_ids(fresh, "lamp") == ["1"]
