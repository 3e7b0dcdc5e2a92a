"""The cache of builds, with the recipe replaced by one that needs no network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from multirecall.engine import build
from multirecall.engine.errors import EnginePrepareFailed
from multirecall.engine.toolchain import Jdk
from multirecall.engine.versions import pinned_versions


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MULTIRECALL_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "find_jdk", lambda: Jdk(home=Path("/jdk"), major=21))
    monkeypatch.setattr(build, "find_maven", lambda: "/bin/false")
    return tmp_path / "engines"


def recipe(monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]) -> None:
    monkeypatch.setattr(build, "_RECIPES", {"opensearch": lambda folder, _tools: make(folder)})


def silent(_step: str) -> None:
    pass


def test_prepare_build_when_several_ask_at_once_then_built_once(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    built: list[Path] = []
    started = threading.Barrier(4)

    def make(folder: Path) -> None:
        built.append(folder)
        (folder / "server").write_text("whole")

    recipe(monkeypatch, make)
    found: list[Path] = []

    def ask() -> None:
        started.wait()
        found.append(build.prepare_build("opensearch", silent))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert len(set(found)) == 1
    assert (found[0] / "server").read_text() == "whole"
    assert (found[0] / "log4j2.xml").is_file()


def test_prepare_build_when_it_fails_then_nothing_is_left_and_the_next_try_works(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise EnginePrepareFailed("mvn ended with 1", output_tail=[])

    recipe(monkeypatch, fail)
    with pytest.raises(EnginePrepareFailed):
        build.prepare_build("opensearch", silent)
    assert [path.name for path in cache.iterdir()] == ["opensearch.lock"]
    recipe(monkeypatch, lambda folder: None)
    assert build.prepare_build("opensearch", silent).is_dir()


def test_prepare_build_when_a_killed_build_left_its_folder_then_it_is_removed(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    (cache / ".opensearch-killed").mkdir(parents=True)
    (cache / ".elasticsearch-other").mkdir()
    recipe(monkeypatch, lambda folder: None)
    build.prepare_build("opensearch", silent)
    assert not (cache / ".opensearch-killed").exists()
    assert (cache / ".elasticsearch-other").exists()


def test_prepare_build_when_maven_fails_then_the_error_shows_its_output(cache: Path, tmp_path: Path) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'Could not resolve dependencies'\nexit 3\n")
    maven.chmod(0o755)
    tools = build._Tools(jdk=Jdk(home=Path("/jdk"), major=21), maven=str(maven), report=silent)
    with pytest.raises(EnginePrepareFailed, match="mvn ended with 3") as caught:
        tools.fetch(tmp_path / "pom.xml", tmp_path / "lib")
    assert caught.value.data["output_tail"] == ["Could not resolve dependencies"]


def test_build_digest_when_a_version_changes_then_only_that_kind_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {kind: build.build_digest(kind) for kind in build.BUILDABLE}
    pinned = dict(pinned_versions())
    monkeypatch.setattr(build, "pinned_versions", lambda: {**pinned, "OPENSEARCH_KNN_VERSION": "9"})
    assert build.build_digest("opensearch") != before["opensearch"]
    assert build.build_digest("elasticsearch") == before["elasticsearch"]
