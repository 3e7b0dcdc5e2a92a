from __future__ import annotations

import errno
from pathlib import Path

import pytest

from multirecall.core.errors import EngineBusy, EngineError, StorageFull
from multirecall.engines.embedded.storage import folder_bytes, storage_errors, write_atomically


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StorageFull, "No space left while testing"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageFull, "No space left"),
        (ValueError("An IO error occurred: 'No space left on device (os error 28)'"), StorageFull, "No space left"),
        (RuntimeError("Failed to write: No space left on device"), StorageFull, "No space left"),
        (ValueError("Failed to acquire Lockfile: LockBusy. Some(…)"), EngineBusy, "Another writer"),
        (PermissionError(errno.EACCES, "Permission denied"), EngineError, "cannot be written"),
        (OSError(errno.EROFS, "Read-only file system"), EngineError, "cannot be written"),
        (ValueError("something else"), EngineError, "something else"),
    ],
)
def test_what_libraries_raise_becomes_our_errors(
    tmp_path: Path, raised: Exception, kind: type[EngineError], says: str
) -> None:
    with pytest.raises(EngineError, match=says) as caught, storage_errors(tmp_path, "testing"):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised
    assert caught.value.data["path"] == str(tmp_path)


def test_a_mistake_of_ours_is_not_dressed_up(tmp_path: Path) -> None:
    with pytest.raises(KeyError), storage_errors(tmp_path, "testing"):
        raise KeyError("x")


def test_an_atomic_write_leaves_no_draft(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"one")
    write_atomically(tmp_path / "file", b"three")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"three"
    assert folder_bytes(tmp_path) == 5
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path, b"x")
    assert folder_bytes(tmp_path) == 5
