from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from multirecall.core.errors import IndexCorrupt, NotFound
from multirecall.recall.array_file import digest_of, open_arrays, write_arrays

ARRAYS = {
    "names": np.frombuffer("grün".encode(), dtype=np.uint8),
    "counts": np.arange(7, dtype=np.uint16),
    "starts": np.arange(6, dtype=np.int64).reshape(2, 3),
    "none": np.zeros(0, np.int32),
}
CARD = {"kind": "test", "version": 2, "of": "grün"}


def test_arrays_come_back_mapped_and_read_only(tmp_path: Path) -> None:
    digest = write_arrays(tmp_path / "file", ARRAYS, CARD)
    found = open_arrays(tmp_path / "file", kind="test", version=2)
    assert (found.card, found.digest) == (CARD, digest)
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array, strict=True)
        assert not found.arrays[name].flags.writeable
        assert found.arrays[name].flags.aligned


def test_other_readers_of_the_format_read_it(tmp_path: Path) -> None:
    write_arrays(tmp_path / "file", ARRAYS, CARD)
    with safe_open(str(tmp_path / "file"), framework="np") as opened:
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(opened.get_tensor(name), array, strict=True)


def test_equal_content_has_one_checksum_and_other_content_another() -> None:
    turned = dict(reversed(ARRAYS.items()))
    assert digest_of(ARRAYS, CARD) == digest_of(turned, dict(reversed(CARD.items())))
    others = [
        digest_of({**ARRAYS, "counts": ARRAYS["counts"] + 1}, CARD),
        digest_of({**ARRAYS, "starts": ARRAYS["starts"].reshape(3, 2)}, CARD),
        digest_of(ARRAYS, {**CARD, "version": 3}),
    ]
    assert len({digest_of(ARRAYS, CARD), *others}) == 4


def test_another_kind_or_version_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "file", ARRAYS, CARD)
    for kind, version in (("other", 2), ("test", 3)):
        with pytest.raises(IndexCorrupt, match=f"not '{kind}' of version {version}"):
            open_arrays(tmp_path / "file", kind=kind, version=version)


@pytest.mark.parametrize("header", [b"[]", b"{}", b'{"__metadata__": 3}', b'{"__metadata__": {}, "a": {}}', b"no json"])
def test_a_header_that_cannot_be_right_is_refused(header: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(IndexCorrupt, match="header cannot be right"):
        open_arrays(tmp_path / "file", kind="test", version=2)


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no index file"):
        open_arrays(tmp_path / "file", kind="test", version=2)
