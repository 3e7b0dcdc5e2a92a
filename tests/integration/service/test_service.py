"""The whole service as it is started: indexed, keyed, warmed up, and flooded by one key."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from multirecall.service.keys import Role, key_line, new_key
from tests.support.http_service import index_products, make_keys, running_service, service_settings

KEYS, LINES = make_keys()
FLOOD = new_key()
PRODUCTS = [
    {"id": str(n), "title": f"{colour} toner {n}", "brand": "HP", "price": "9.90"}
    for n, colour in enumerate(["Black", "Cyan", "Magenta", "Yellow"] * 10)
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    settings = service_settings(
        index_products(PRODUCTS, folder),
        folder,
        api_keys=f"{LINES},{key_line('flood', Role.SEARCH, FLOOD)}",
        rate_per_s=20,
        rate_burst=20,
    )
    with running_service(settings) as url:
        yield url


def asking(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=20)


def test_it_is_ready_after_its_warm_up_and_names_what_it_goes_on_without(url: str) -> None:
    ready = httpx.get(f"{url}/readyz")
    assert ready.status_code == 200
    assert ready.json()["parts"] == {"engine": "ok", "index": "ok", "models": "ok"}


def test_a_product_is_changed_found_and_remembered(url: str) -> None:
    with asking(url, KEYS[Role.WRITE]) as client:
        written = client.patch("/v1/products", json={"updates": [{"id": "3", "set": {"price": "1.50"}}]}).json()
        assert [item["status"] for item in written["items"]] == ["applied"]
        assert client.get("/v1/products/3").json()["price_minor"] == 150
        found = client.post("/v1/search", json={"query": "toner", "filters": ["price<=2"], "size": 3}).json()
        assert [hit["id"] for hit in found["hits"]["hits"]] == ["3"]
        assert [route["status"] for route in found["routes"].values()] == ["ok", "ok"]
        assert client.post("/v1/search", json={"query": "yellow toner"}).json()["cache"]["status"] == "miss"
        assert client.post("/v1/search", json={"query": "yellow toner"}).json()["cache"]["status"] == "hit"
        query = {"query_id": "q1", "user_query": "toner", "query_response_hit_ids": ["3"]}
        assert client.post("/v1/events", json={"queries": [query]}).json() == {"stored": 1}
    with asking(url, KEYS[Role.ADMIN]) as client:
        figures = client.get("/metrics").text
        assert 'multirecall_cache_total{what="hit_memory"}' in figures
        assert client.get("/v1/jobs").status_code == 503, "there is no Redis here"


def test_a_flood_of_one_key_is_refused_and_another_key_is_not(url: str) -> None:
    ended, flooded, problems = threading.Event(), Counter[int](), []

    def flood() -> None:
        try:
            with asking(url, FLOOD) as client:
                while not ended.is_set():
                    flooded[client.get("/v1/search", params={"q": "black toner"}).status_code] += 1
        except httpx.HTTPError as error:
            problems.append(error)

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        with asking(url, KEYS[Role.SEARCH]) as client:
            answers = [client.get("/v1/search", params={"q": f"cyan {n}"}) for n in range(15)]
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert [answer.status_code for answer in answers] == [200] * 15
    assert not problems
    assert set(flooded) == {200, 429}
    assert flooded[429] > flooded[200] / 4


def test_a_wrong_setting_of_keys_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("shop:search:nonsense\n")
    settings = service_settings("exact:products", tmp_path, api_keys_file=file)
    with pytest.raises(Exception, match=r"keys.txt, line 1"), running_service(settings):
        pass
