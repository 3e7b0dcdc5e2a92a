"""The real catalogue on the servers: the same job as on the embedded engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import multirecall
from tests.e2e.test_icecat import check_main_job

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_the_servers(
    kind: str,
    icecat_dir: Path,
    tmp_path: Path,
    index_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIRECALL_ENGINE_TIMEOUT_S", "120")  # what is asked here is right or wrong, not quick or slow
    engine = f"{url}/{index_prefix}icecat"
    files = sorted(str(path) for path in icecat_dir.glob("*.json.zip"))
    built = multirecall("index", *files, "--engine", engine, "--encoder", "static", "--json")
    assert built.code == 0, built.err
    check_main_job(engine, built.json, icecat_dir, tmp_path / "run.trec")
