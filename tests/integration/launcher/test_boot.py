"""Boots private servers: do they work, keep their data, and leave nothing behind?"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from multirecall.engine import EnginePrepareFailed, EngineToolsMissing, RunningEngine, down, prepare, running_engine, up
from multirecall.engine.process import process_identity
from tests.support.engines import missing_engine

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NODES = ["elasticsearch", "opensearch"]

ANALYSIS = {
    "filter": {
        "part_numbers": {"type": "word_delimiter_graph", "preserve_original": True, "catenate_all": True},
        "english_stemmer": {"type": "stemmer", "language": "english"},
    },
    "analyzer": {
        "title": {
            "type": "custom",
            "tokenizer": "whitespace",
            "char_filter": ["html_strip"],
            "filter": ["part_numbers", "lowercase", "flatten_graph", "asciifolding", "english_stemmer"],
        }
    },
}


def vector_parts(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Mapping of a vector field, and a query for the two nearest among the blue ones."""
    blue = {"term": {"colour": "blue"}}
    if kind == "elasticsearch":
        field = {"type": "dense_vector", "dims": 3, "similarity": "cosine", "index": True}
        return field, {"knn": {"field": "v", "query_vector": [1, 0, 0], "k": 2, "num_candidates": 10, "filter": blue}}
    method = {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"}
    field = {"type": "knn_vector", "dimension": 3, "method": method}
    return field, {"query": {"knn": {"v": {"vector": [1, 0, 0], "k": 2, "filter": blue}}}}


def require(kind: str) -> None:
    try:
        prepare(kind)
    except (EngineToolsMissing, EnginePrepareFailed) as absent:
        missing_engine(kind, str(absent))


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def check_gone(engine: RunningEngine) -> None:
    assert process_identity(engine.pid) is None
    assert not is_listening(engine.http_port)


@pytest.mark.parametrize("kind", NODES)
def test_node_when_booted_then_indexes_and_searches_and_leaves_nothing(kind: str) -> None:
    require(kind)
    field, nearest = vector_parts(kind)
    properties = {"title": {"type": "text", "analyzer": "title"}, "colour": {"type": "keyword"}, "v": field}
    settings: dict[str, Any] = {"number_of_replicas": 0, "analysis": ANALYSIS}
    if kind == "opensearch":
        settings["knn"] = True
    products = {
        "1": {"title": "Running shoes <b>WH-1000XM4</b>", "colour": "blue", "v": [1, 0, 0]},
        "2": {"title": "Café racer", "colour": "red", "v": [0.9, 0.1, 0]},
        "3": {"title": "Racing bikes", "colour": "blue", "v": [0, 1, 0]},
    }
    with (
        running_engine(kind) as engine,
        httpx.Client(base_url=engine.http_url, timeout=30.0, trust_env=False) as client,
    ):
        client.put("/t_boot", json={"settings": settings, "mappings": {"properties": properties}}).raise_for_status()
        for key, product in products.items():
            client.put(f"/t_boot/_doc/{key}", json=product).raise_for_status()
        client.post("/t_boot/_refresh").raise_for_status()

        def found(body: dict[str, Any]) -> list[str]:
            answer = client.post("/t_boot/_search", json=body)
            assert answer.status_code == 200, answer.text
            return [hit["_id"] for hit in answer.json()["hits"]["hits"]]

        for text, wanted in [("shoe", ["1"]), ("wh1000xm4", ["1"]), ("CAFE", ["2"]), ("race bike", ["3"])]:
            assert found({"query": {"match": {"title": {"query": text, "operator": "and"}}}}) == wanted, text
        assert found(nearest) == ["1", "3"]
        node = next(iter(client.get("/_nodes").json()["nodes"].values()))
        assert node["version"] == engine.version
        assert node["http"]["publish_address"] == f"127.0.0.1:{engine.http_port}"
        # Loopback only: the address of this machine must not answer.
        assert all(bound.startswith("127.0.0.1:") for bound in node["http"]["bound_address"])
        assert engine.log_path.stat().st_size > 0
    check_gone(engine)
    assert not engine.data_dir.exists()


def test_redis_when_booted_then_keeps_values_and_leaves_nothing() -> None:
    require("redis")
    redis = pytest.importorskip("redis")
    with running_engine("redis", heap_mb=64) as engine:
        client = redis.Redis.from_url(engine.url)
        client.set("t_key", b"\x00\xff")
        assert client.get("t_key") == b"\x00\xff"
        assert client.config_get("save")["save"] == ""
        client.close()
    check_gone(engine)


def test_node_when_down_and_up_then_data_is_there_until_fresh(tmp_path: Path) -> None:
    require("elasticsearch")
    try:
        first = up("elasticsearch", state_dir=tmp_path, heap_mb=512)
        assert up("elasticsearch", state_dir=tmp_path) == first
        body = {"settings": {"number_of_replicas": 0}}
        httpx.put(f"{first.http_url}/t_kept", json=body, timeout=30.0).raise_for_status()
        assert down(state_dir=tmp_path) == ["elasticsearch"]
        check_gone(first)
        second = up("elasticsearch", state_dir=tmp_path, heap_mb=512)
        assert httpx.head(f"{second.http_url}/t_kept").status_code == 200
        third = up("elasticsearch", state_dir=tmp_path, heap_mb=512, fresh=True)
        assert httpx.head(f"{third.http_url}/t_kept").status_code == 404
        # Not by its port: the third one took it.
        assert not second.is_running
    finally:
        down(state_dir=tmp_path)


def test_private_node_when_its_owner_is_killed_then_it_ends_too() -> None:
    require("elasticsearch")
    owner_code = (
        "import time\nfrom multirecall.engine import running_engine\n"
        "with running_engine('elasticsearch', heap_mb=512) as engine:\n"
        "    print(engine.pid, engine.http_port, flush=True)\n    time.sleep(120)\n"
    )
    with subprocess.Popen([sys.executable, "-c", owner_code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, port = map(int, owner.stdout.readline().split())
        assert process_identity(pid) is not None
        os.kill(owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 40
    while process_identity(pid) is not None:
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.1)
    assert not is_listening(port)
