"""A folder in the place of another."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from multirecall.training.blender import placing
from multirecall.training.blender.placing import put_in_place


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "one").write_text(text)
    return path


@pytest.mark.parametrize("exchanges", [True, False])
def test_the_folders_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool) -> None:
    if not exchanges:
        monkeypatch.setattr(placing, "_exchanged", lambda one, other: False)
    made, path = folder(tmp_path / "made", "new"), folder(tmp_path / "path", "old")
    put_in_place(made, path)
    assert ((path / "one").read_text(), (made / "one").read_text()) == ("new", "old")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["made", "path"]


def test_where_nothing_lies_it_is_renamed(tmp_path: Path) -> None:
    put_in_place(folder(tmp_path / "made", "new"), tmp_path / "path")
    assert [entry.name for entry in tmp_path.iterdir()] == ["path"]


def test_at_no_moment_there_is_no_folder(tmp_path: Path) -> None:
    path, other = folder(tmp_path / "path", "old"), folder(tmp_path / "other", "new")
    ended, missing = threading.Event(), []

    def look() -> None:
        while not ended.is_set():
            if not path.is_dir():
                missing.append(path)

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(500):
        put_in_place(other, path)
    ended.set()
    looking.join()
    assert missing == []
