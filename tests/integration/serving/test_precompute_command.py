"""`multirecall rewriters precompute` as somebody types it, with a real endpoint and a real Redis."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from multirecall.cli.main import app
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import Schema
from tests.support.chat_server import ChatServer
from tests.support.engines import server_url

pytestmark = pytest.mark.integration


def test_it_asks_once_and_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, namespace = server_url("redis"), f"t{uuid.uuid4().hex}"
    with open_engine(f"embedded:{tmp_path / 'index'}", create=True) as engine:
        engine.swap(engine.create(Schema()))
    (tmp_path / "queries.txt").write_text("beamer\nBeamer\nlamp\n")
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "ENGINE": f"embedded:{tmp_path / 'index'}", "REWRITERS": "units,model:endpoint", "REWRITE_MODEL": "m",
        "CACHE_DIR": str(tmp_path), "NAMESPACE": namespace, "EVENTS_DIR": str(tmp_path / "events"),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"MULTIRECALL_{name}", value)

    def run(*options: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["rewriters", "precompute", *options])
        return found.exit_code, found.output

    code, said = run("--queries", "queries.txt")
    assert (code, "MULTIRECALL_CACHE_REDIS" in said) == (2, True)
    monkeypatch.setenv("MULTIRECALL_CACHE_REDIS", url)
    code, said = run("--queries", "queries.txt")
    assert (code, "MULTIRECALL_REWRITE_URL" in said) == (2, True)
    code, said = run()
    assert (code, "--queries FILE" in said) == (2, True)
    try:
        with ChatServer() as server:
            monkeypatch.setenv("MULTIRECALL_REWRITE_URL", server.url)
            code, said = run("--queries", "queries.txt", "--json")
            assert code == 0, said
            report = json.loads(said)
            assert (report["queries"], report["known"], report["answered"], report["failed"]) == (3, 0, 2, 0)
            code, said = run("--queries", "queries.txt")
            assert (code, "0 now; 2 were known" in said) == (0, True)
            assert len(server.seen) == 2
    finally:
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(f"{namespace}:*"):
                client.delete(key)
