"""Reading a blender's folder while another takes its place."""

from __future__ import annotations

import itertools
import shutil
import threading
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.fusion.blender_model import MODEL_FILES
from multirecall.training.blender.placing import put_in_place
from multirecall.wiring import blenders
from multirecall.wiring.blenders import blender_folder, blender_stamp
from multirecall.wiring.settings import load_settings


def model(path: Path, text: str) -> Path:
    path.mkdir()
    for name in MODEL_FILES:
        (path / name).write_text(text)
    return path


def test_the_files_are_of_one_model_however_often_it_is_replaced(tmp_path: Path) -> None:
    path = model(tmp_path / "path", "a")
    ended = threading.Event()

    def replace() -> None:
        for number in itertools.count():
            made = model(tmp_path / f"made{number}", "ba"[number % 2])
            put_in_place(made, path)
            shutil.rmtree(made)
            if ended.is_set():
                break

    replacing = threading.Thread(target=replace)
    replacing.start()
    try:
        read = [frozenset(blenders._model_files(path, MODEL_FILES).values()) for _ in range(300)]
    finally:
        ended.set()
        replacing.join()
    assert set(read) == {frozenset("a"), frozenset("b")}


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    (model(tmp_path / "path", "a") / MODEL_FILES[1]).unlink()
    with pytest.raises(InvalidSettings, match=MODEL_FILES[1]):
        blenders._model_files(tmp_path / "path", MODEL_FILES)


def test_the_folder_is_that_of_the_settings_or_lies_in_the_cache(tmp_path: Path) -> None:
    assert blender_folder(load_settings(cache_dir=tmp_path)) == tmp_path / "blender"
    assert blender_folder(load_settings(cache_dir=tmp_path, blender_dir=tmp_path / "x")) == tmp_path / "x"


def test_the_stamp_changes_with_every_file_that_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "blender"
    spec = f"blender:{folder}?cut=tail"
    assert blender_stamp(spec) is None
    assert blender_stamp("rrf?k=20") is None
    folder.mkdir()
    assert blender_stamp(spec) is None
    seen = set()
    for name, text in (("card.json", "{}"), ("trees.txt", "a"), ("trees.txt", "longer")):
        (folder / name).write_text(text)
        assert blender_stamp(spec) == blender_stamp(spec)
        seen.add(blender_stamp(spec))
    assert len(seen) == 3
    assert None not in seen
