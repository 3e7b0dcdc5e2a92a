"""The command line against real servers, and against one that asks for a password."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.command import multirecall
from tests.support.engines import http_address
from tests.support.fault_proxy import FaultProxy

pytestmark = pytest.mark.integration

ROWS = [{"id": f"p{i}", "title": f"Laser toner {i}", "brand": "HP", "price": 10.0 + i} for i in range(30)]
ENCODER = ("--encoder", "hashing")


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return "c.jsonl"


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_the_main_job_on_a_server(kind: str, catalogue: str, index_prefix: str, request: pytest.FixtureRequest) -> None:
    engine = f"{request.getfixturevalue(f'{kind}_url')}/{index_prefix}shop"
    for _ in range(2):  # the second time beside the first, then swapped
        outcome = multirecall("index", catalogue, "--engine", engine, *ENCODER, "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.json["written"] == len(ROWS)
    assert outcome.json["reused"] == len(ROWS)
    page = multirecall(
        "search", "toner", "--engine", engine, "--filter", "price<=20", "--facet", "brand", "--timeout", "30", "--json"
    )
    assert page.code == 0, page.err
    assert page.json["degraded"] == {}
    assert {h["id"] for h in page.json["hits"]["hits"]} <= {f"p{i}" for i in range(11)}
    assert page.json["facets"]["fields"][0]["counts"] == [{"count": 11, "value": "HP", "gte": None, "lt": None}]


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_a_wrong_password_is_told_without_showing_it(
    kind: str, catalogue: str, index_prefix: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = http_address(request.getfixturevalue(f"{kind}_url"))
    with FaultProxy(upstream, user="shop", password="right-one") as proxy:
        engine = f"{kind}+{proxy.url}/{index_prefix}secured"
        refused = multirecall("index", catalogue, "--engine", engine, *ENCODER)
        assert refused.code == 8
        assert "MULTIRECALL_ENGINE_PASSWORD" in " ".join(refused.err.split())
        monkeypatch.setenv("MULTIRECALL_ENGINE_USER", "shop")
        monkeypatch.setenv("MULTIRECALL_ENGINE_PASSWORD", "wrong-one")
        refused = multirecall("index", catalogue, "--engine", engine, *ENCODER)
        assert refused.code == 8
        assert "MULTIRECALL_ENGINE_PASSWORD" in " ".join(refused.err.split())
        assert "wrong-one" not in refused.err + refused.out
        monkeypatch.setenv("MULTIRECALL_ENGINE_PASSWORD", "right-one")
        assert multirecall("index", catalogue, "--engine", engine, *ENCODER).code == 0
        assert multirecall("search", "toner", "--engine", engine, "--timeout", "30").code == 0
