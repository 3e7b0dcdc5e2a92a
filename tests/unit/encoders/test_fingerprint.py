import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from multirecall.core.errors import EncoderError
from multirecall.encoders import fingerprint as module
from multirecall.encoders.fingerprint import FileDigests, fingerprint

LONG_AGO_NS = time.time_ns() - 3_600 * 1_000_000_000


def test_is_16_hex_digits_and_does_not_depend_on_the_order_of_the_parts() -> None:
    mark = fingerprint({"a": 1, "b": [1, "x"]})
    assert re.fullmatch("[0-9a-f]{16}", mark)
    assert mark == fingerprint({"b": [1, "x"], "a": 1})
    assert mark != fingerprint({"a": 1, "b": [1, "y"]})


def test_a_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"weights")
    (tmp_path / "two").write_bytes(b"weights")
    (tmp_path / "three").write_bytes(b"weightS")
    one, two, three = (FileDigests(None).digest(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two != three


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once: the change time cannot be set, and tests do not sleep."""
    monkeypatch.setattr(module, "_RACY_NS", -1)


@pytest.mark.usefixtures("settled")
def test_a_known_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"weights")
    first = FileDigests(tmp_path / "notes").digest(weights)

    def refuse(_file: Path) -> str:
        raise AssertionError("the file was read again")

    monkeypatch.setattr(module, "_content_digest", refuse)
    assert FileDigests(tmp_path / "notes").digest(weights) == first


@pytest.mark.usefixtures("settled")
def test_other_content_of_the_same_size_and_date_gives_another_digest(tmp_path: Path) -> None:
    weights, other = tmp_path / "weights", tmp_path / "other"
    weights.write_bytes(b"weights 1")
    other.write_bytes(b"weights 2")
    for file in (weights, other):
        os.utime(file, ns=(LONG_AGO_NS, LONG_AGO_NS))
    digests = FileDigests(tmp_path / "notes")
    before = digests.digest(weights)
    shutil.copy2(other, weights)  # keeps size, name, inode and modification time
    assert weights.stat().st_mtime_ns == LONG_AGO_NS
    assert digests.digest(weights) != before


def test_a_file_changed_just_now_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    FileDigests(tmp_path / "notes").digest(tmp_path / "weights")
    assert not (tmp_path / "notes").exists()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"digest": 3}', b"\xff\xfe"])
def test_a_damaged_note_is_made_again(tmp_path: Path, damage: bytes) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"weights")
    digests = FileDigests(tmp_path / "notes")
    first = digests.digest(weights)
    (note,) = (tmp_path / "notes").iterdir()
    note.write_bytes(damage)
    assert digests.digest(weights) == first
    assert json.loads(note.read_bytes())["digest"] == first


@pytest.mark.usefixtures("settled")
def test_a_cache_that_cannot_be_written_is_logged_and_costs_only_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"weights")
    (tmp_path / "notes").write_bytes(b"a file where the folder should be")
    assert FileDigests(tmp_path / "notes").digest(weights) == FileDigests(None).digest(weights)
    assert "could not be kept" in caplog.text


def test_a_missing_file_is_an_encoder_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"gone\.safetensors"):
        FileDigests(tmp_path).digest(tmp_path / "gone.safetensors")
