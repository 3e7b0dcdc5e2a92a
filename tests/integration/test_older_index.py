"""An index made before there were tombstones: it reads as before, and the first write gives it their fields."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from multirecall.engines.base import Delete, Engine, Everything, Update, WriteStatus
from multirecall.engines.opening import open_engine
from multirecall.engines.servers import mapping
from multirecall.engines.servers.names import write_alias
from tests.contract.asking import found, put
from tests.contract.shop import contract_schema
from tests.support.engines import http_address, server_url
from tests.support.records import product, upsert

pytestmark = pytest.mark.integration


@pytest.fixture(params=["elasticsearch", "opensearch"])
def older(request: pytest.FixtureRequest, index_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A live index whose mapping lacks what tombstones need, with one product that was put in without this program."""
    base = server_url(request.param)
    with open_engine(f"{base}/{index_prefix}", create=True) as engine:
        with monkeypatch.context() as before:
            before.setattr(mapping, "TOMBSTONE_FIELDS", {})
            index = engine.create(contract_schema(engine.capabilities))
        engine.swap(index)
        with httpx.Client(base_url=http_address(base), trust_env=False) as client:
            properties = client.get(f"/{index}/_mapping").json()[index]["mappings"]["properties"]
            assert "title" in properties
            assert "deleted_at" not in properties
            document = {"id": "old", "title": "lamp", "version": 3}
            stored = client.put(f"/{write_alias(index)}/_doc/old", params={"refresh": "true"}, json=document)
            stored.raise_for_status()
        yield engine


def test_it_reads_as_before(older: Engine) -> None:
    assert older.count() == older.info().count == 1
    assert found(older, Everything()) == ["old"]
    assert [dict(record) for record in older.scan(["title"])] == [{"id": "old", "title": "lamp"}]
    assert list(older.deleted()) == []
    assert older.prune_deleted(0) == 0


def test_the_first_write_gives_it_what_tombstones_need(older: Engine) -> None:
    stale = upsert("old", "late", version=2)
    assert [r.status for r in older.write([stale, Delete(id="old", version=2)])] == [WriteStatus.STALE] * 2
    put(older, product("new"), Delete(id="old", version=4), Delete(id="never", version=1))
    assert {one.id: one.version for one in older.deleted()} == {"old": 4, "never": 1}
    assert found(older, Everything()) == ["new"]
    assert older.count() == older.info().count == 1
    put(older, Update(id="new", fields={"price_minor": 1}, version=5), upsert("old", version=5))
    assert sorted(found(older, Everything())) == ["new", "old"]
