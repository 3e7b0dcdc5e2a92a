"""Addresses and paths of containers, said about this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.engine.cluster.addresses import LocalView
from multirecall.engine.cluster.errors import ClusterStartFailed


@pytest.fixture
def view() -> LocalView:
    return LocalView(
        service="api",
        services=("api", "redis", "elasticsearch", "opensearch", "worker-index"),
        ports={("redis", 6379): 41001, ("elasticsearch", 9200): 41002, ("api", 8080): 41003},
        folders={"/catalogue": Path("/here/shop"), "/data": Path("/here/v"), "/data/inner": Path("/else")},
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://redis:6379/0", "redis://127.0.0.1:41001/0"),
        ("redis://user:secret@redis:6379/0", "redis://user:secret@127.0.0.1:41001/0"),
        ("elasticsearch+http://elasticsearch:9200/products", "elasticsearch+http://127.0.0.1:41002/products"),
        (
            'urlopen("http://127.0.0.1:8080/healthz", timeout=10)',
            'urlopen("http://127.0.0.1:41003/healthz", timeout=10)',
        ),
        ("http://localhost:8080/", "http://127.0.0.1:41003/"),
        ("--listen=0.0.0.0:8080", "--listen=127.0.0.1:41003"),
        ("https://my-redis:6379/ https://redis.example:6379", "https://my-redis:6379/ https://redis.example:6379"),
        ("http://127.0.0.1:9200/", "http://127.0.0.1:9200/"),
        ("/catalogue/a.jsonl", "/here/shop/a.jsonl"),
        ("embedded:/data/inner/x,/data", "embedded:/else/x,/here/v"),
        ("/database /my/data http://h/data-x", "/database /my/data http://h/data-x"),
        ("6379 redis", "6379 redis"),
    ],
)
def test_text_when_read_here_then_only_addresses_and_paths_change(view: LocalView, text: str, expected: str) -> None:
    assert view.text(text) == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("8080", "41003"),
        ("--port=8080", "--port=41003"),
        ("--port=6379", "--port=6379"),
        ("6379", "6379"),
        ("0.0.0.0", "127.0.0.1"),
        ("--host=0.0.0.0", "--host=127.0.0.1"),
        ("1", "1"),
        ("--concurrency", "--concurrency"),
    ],
)
def test_argument_when_bare_then_its_own_port_and_wildcard_only(view: LocalView, argument: str, expected: str) -> None:
    assert view.argument(argument) == expected


def test_text_when_a_service_does_not_run_here_then_both_are_named(view: LocalView) -> None:
    with pytest.raises(ClusterStartFailed, match="api speaks to opensearch:9200"):
        view.text("opensearch+http://opensearch:9200/products")
