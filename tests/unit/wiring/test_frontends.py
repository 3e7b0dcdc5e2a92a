"""The frontend by the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Upsert
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import Schema, VectorField
from multirecall.indexer.texts import vector_fingerprint
from multirecall.search import understand
from multirecall.search.serving import SearchRequest
from multirecall.wiring.frontends import opened_frontend
from multirecall.wiring.settings import Settings, load_settings
from tests.support.records import product


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"embedded:{tmp_path_factory.mktemp('shop') / 'index'}"
    encoder = open_encoder("hashing?dim=64")
    with open_engine(url, create=True) as engine:
        field = VectorField(
            name="dense", dim=64, encoder=encoder.spec, fingerprint=vector_fingerprint(encoder, ""), index="flat"
        )
        index = engine.create(Schema(vectors=(field,)))
        titles = [f"lamp {n}" for n in range(30)]
        vectors = encoder.encode_products(titles)
        writes = [
            Upsert(product=product(f"p{n}", title, vectors={"dense": vector}))
            for n, (title, vector) in enumerate(zip(titles, vectors, strict=True))
        ]
        assert all(result.ok for result in engine.write(writes, index=index))
        engine.refresh(index=index)
        engine.swap(index)
    return url


def settings(url: str, tmp_path: Path, **more: object) -> Settings:
    return load_settings(engine=url, cache_dir=tmp_path, **more)


ASKED = SearchRequest(query=understand("lamp"))


def test_by_default_it_caches_in_memory_and_its_tokens_hold_the_list(url: str, tmp_path: Path) -> None:
    with opened_frontend(settings(url, tmp_path)) as frontend:
        first, second = frontend.search(ASKED), frontend.search(ASKED)
        assert (first.cache.status, second.cache.status) == ("miss", "hit")
        found = frontend.at_hand(ASKED)
        assert found is not None
        assert found.page.hits == first.page.hits
        assert len(first.page_token) > 100
        assert set(frontend.breakers) == {"dense", "engine"}
        token = first.page_token
    with opened_frontend(settings(url, tmp_path)) as restarted, pytest.raises(InvalidInput, match="page secret"):
        restarted.search(SearchRequest(query=understand(""), page_token=token))


def test_a_page_secret_outlives_a_restart(url: str, tmp_path: Path) -> None:
    chosen = settings(url, tmp_path, page_secret="a secret", cache_memory_mb=0)
    with opened_frontend(chosen) as frontend:
        first = frontend.search(ASKED)
        assert first.cache.status == "off"
        assert frontend.cache is None
        assert frontend.at_hand(ASKED) is None
    with opened_frontend(chosen) as restarted:
        served = restarted.search(SearchRequest(query=understand("", offset=10), page_token=first.page_token))
        assert [hit.rank for hit in served.page.hits] == list(range(11, 21))


def test_a_redis_that_is_not_there_is_no_error_and_one_that_cannot_be_read_is(url: str, tmp_path: Path) -> None:
    nowhere = settings(url, tmp_path, cache_redis="redis://127.0.0.1:1/0")
    with opened_frontend(nowhere) as frontend:
        served = [frontend.search(SearchRequest(query=understand(f"lamp {n}"))) for n in range(5)]
        assert all(one.page.hits for one in served)
        assert set(frontend.breakers) == {"dense", "engine", "redis"}
        assert frontend.breakers["redis"].state != "closed"
    with (
        pytest.raises(InvalidSettings, match="cannot be read") as caught,
        opened_frontend(settings(url, tmp_path, cache_redis="redis://:hunter/2@host:x/0")),
    ):
        pass
    assert "hunter" not in str(caught.value)


def test_what_may_be_stale_for_no_time_is_never_stale(url: str, tmp_path: Path) -> None:
    never = settings(url, tmp_path, cache_fresh_s=0, cache_stale_s=0)
    with opened_frontend(never) as frontend:
        assert [frontend.search(ASKED).cache.status for _ in range(2)] == ["miss", "miss"]
