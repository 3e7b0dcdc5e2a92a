"""The calls of docs/deploy.md, "Backup", to the letter, on real servers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from multirecall.engine import EnginePrepareFailed, EngineToolsMissing, running_engine
from tests.support.engines import missing_engine

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "deploy.md"


def block(name: str, folder: Path) -> str:
    """The commands under the mark `name`, with the container's folder for snapshots replaced."""
    (text,) = re.findall(rf"<!-- {name} -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(text).replace("/snapshots", str(folder))


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_snapshot_when_restored_then_products_and_alias_are_back(kind: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing_engine(kind, "the documented calls need curl")

    def run(commands: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            env={**os.environ, "ENGINE": url, "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        with running_engine(kind, settings={"path.repo": str(tmp_path)}) as engine:
            url = engine.http_url
            with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
                made = {"aliases": {"products": {}}, "settings": {"number_of_replicas": 0}}
                client.put("/products-000001", json=made).raise_for_status()
                client.put("/products-000001/_doc/1?refresh=true", json={"title": "kept"}).raise_for_status()
                run(block("backup", tmp_path))
                client.delete("/products-000001").raise_for_status()
                assert client.get("/products/_doc/1").status_code == 404
                run(block("restore", tmp_path))
                assert client.get("/products/_doc/1").json()["_source"] == {"title": "kept"}
    except (EngineToolsMissing, EnginePrepareFailed) as absent:
        missing_engine(kind, str(absent))
