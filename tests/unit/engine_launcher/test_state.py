"""The record of a running server."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from multirecall.engine.process import process_identity
from multirecall.engine.state import EngineFolder, RunningEngine, default_state_dir


def this_process(folder: EngineFolder) -> RunningEngine:
    """A record that points at the process that runs the tests."""
    identity = process_identity(os.getpid())
    assert identity is not None
    return RunningEngine(
        kind=folder.kind,
        url="redis://127.0.0.1:1/0",
        http_port=1,
        pid=os.getpid(),
        identity=identity,
        version="7",
        log_path=folder.log_path,
        data_dir=folder.default_data_dir,
        build="redis-server",
        boot_s=0.1,
    )


@pytest.fixture
def folder(tmp_path: Path) -> EngineFolder:
    return EngineFolder.of("redis", tmp_path)


def test_folder_when_written_then_read_alike(folder: EngineFolder) -> None:
    engine = this_process(folder)
    folder.write(engine)
    assert folder.read() == engine
    assert engine.is_running
    assert engine.http_url == "http://127.0.0.1:1"


def test_folder_when_forgotten_then_empty_and_forgetting_again_is_fine(folder: EngineFolder) -> None:
    folder.write(this_process(folder))
    folder.forget()
    folder.forget()
    assert folder.read() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", '{"kind": "redis"}', "\x00\x01"])
def test_folder_when_the_record_is_damaged_then_there_is_none(folder: EngineFolder, content: str) -> None:
    folder.root.mkdir(parents=True)
    folder.state_path.write_text(content)
    assert folder.read() is None


def test_engine_when_its_id_belongs_to_another_process_then_not_running(folder: EngineFolder) -> None:
    assert not replace(this_process(folder), identity="another boot/1").is_running


def test_engine_when_its_process_is_gone_then_not_running(folder: EngineFolder) -> None:
    assert not replace(this_process(folder), pid=2**22 + 1).is_running


def test_default_state_dir_when_unset_then_below_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MULTIRECALL_STATE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert default_state_dir() == tmp_path / ".multirecall"
    monkeypatch.setenv("MULTIRECALL_STATE", str(tmp_path / "else"))
    assert default_state_dir() == tmp_path / "else"
