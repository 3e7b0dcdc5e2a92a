from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.recall.rewriters.artefact import holds_vocabulary, read_vocabulary, write_vocabulary
from tests.unit.recall.rewriters.shop import vocabulary


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_vocabulary(vocabulary(), tmp_path / "new", {"index": "shop-000001"})
    read = read_vocabulary(tmp_path / "new")
    assert read.fingerprint == vocabulary().fingerprint
    assert read.named == vocabulary().named
    assert read.kinds == vocabulary().kinds
    assert read.kinds["black"] == 30
    assert read.is_name("CE505A")
    first = {file.name: file.read_bytes() for file in (tmp_path / "new").iterdir()}
    write_vocabulary(read, tmp_path / "new", {"index": "shop-000001"})
    assert {file.name: file.read_bytes() for file in (tmp_path / "new").iterdir()} == first


def test_a_folder_of_before_there_were_kinds_is_read(tmp_path: Path) -> None:
    write_vocabulary(vocabulary(), tmp_path, {})
    (tmp_path / "kinds.tsv").unlink()
    read = read_vocabulary(tmp_path)
    assert (read.kinds, read.words) == ({}, vocabulary().words)


def test_a_line_added_by_hand_is_a_known_word(tmp_path: Path) -> None:
    write_vocabulary(vocabulary(), tmp_path, {})
    with (tmp_path / "words.tsv").open("a") as words:
        words.write("# new stock\nzubehör\t9\t0\n")
    read = read_vocabulary(tmp_path)
    assert read.count("zubehor") == 9
    assert read.fingerprint != vocabulary().fingerprint


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        ("words.tsv", "word", "words.tsv, line .*wanted 3 columns"),
        ("words.tsv", "word\tmany\t1", "words.tsv, line"),
        ("pairs.tsv", "a\tb\t0", "pairs.tsv, line .*whole number above 0"),
        ("card.json", "}", "it is no JSON"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, file: str, line: str, says: str) -> None:
    write_vocabulary(vocabulary(), tmp_path, {})
    with (tmp_path / file).open("a") as broken:
        broken.write(line + "\n")
    with pytest.raises(InvalidSettings, match=says) as error:
        read_vocabulary(tmp_path)
    assert error.value.data["field"] == "rewriter_dir"
    assert "multirecall rewriters build" in error.value.hint


def test_a_folder_of_something_else_and_one_of_a_later_format(tmp_path: Path) -> None:
    assert not holds_vocabulary(tmp_path)
    with pytest.raises(InvalidSettings, match=r"no folder of rewriters"):
        read_vocabulary(tmp_path)
    write_vocabulary(vocabulary(), tmp_path, {"format": 99})
    assert holds_vocabulary(tmp_path)
    with pytest.raises(InvalidSettings, match="another format"):
        read_vocabulary(tmp_path)
    write_vocabulary(vocabulary(), tmp_path, {})
    (tmp_path / "codes.txt").unlink()
    with pytest.raises(InvalidSettings, match=r"codes.txt"):
        read_vocabulary(tmp_path)
