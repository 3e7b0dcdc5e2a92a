from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.recall.rewriters.synonym_rules import SynonymFile, key_of, parse_synonyms


def meant(text: str, phrase: str) -> list[str]:
    return [one.text for one in parse_synonyms(text, source="file").meanings.get(key_of(phrase), ())]


def test_words_that_mean_the_same_stand_for_each_other() -> None:
    rules = "# ours\n\nlaptop, notebook , portable  computer\n"
    assert meant(rules, "notebook") == ["laptop", "portable computer"]
    assert meant(rules, "Portable Computers") == ["laptop", "notebook"]


def test_an_arrow_leads_one_way() -> None:
    rules = "telly, goggle box => tv, television"
    assert meant(rules, "goggle box") == ["tv", "television"]
    assert meant(rules, "tv") == []


def test_a_backslash_takes_the_next_character_as_it_is() -> None:
    assert meant(r"1\,5 inch, one and a half inch", "1,5 inch") == ["one and a half inch"]
    assert meant(r"a\=>b, c", "c") == ["a=>b"]
    assert meant(r"C\#, c sharp", "c sharp") == ["C#"]


def test_rules_of_several_lines_add_up_and_nothing_means_itself() -> None:
    rules = "tv, telly\ntv => television\nbags, bag\nÉcran, ecran, screen"
    assert meant(rules, "tv") == ["telly", "television"]
    assert meant(rules, "bag") == []
    assert meant(rules, "écran") == ["screen"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("laptop", "one phrase alone"),
        ("a, b => c => d", "more than one"),
        ("a,, b", "a phrase is empty"),
        ("=> b", "a phrase is empty"),
        ("a =>", "a phrase is empty"),
        ("--, b", "holds no letter or digit"),
        ("one two three four five six, b", "more than 5 words"),
    ],
)
def test_a_wrong_line_is_named(line: str, says: str) -> None:
    with pytest.raises(InvalidSettings, match=f"line 3: .*{says}") as error:
        parse_synonyms(f"# first\ntv, telly\n{line}\n", source="file", name="mine.txt")
    assert error.value.data == {"field": "synonyms", "line": 3}
    assert "mine.txt" in error.value.message


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def rewritten(path: Path, text: str) -> None:
    """A new file in the place of the old one, as editors do it."""
    part = path.with_suffix(".part")
    part.write_text(text)
    os.replace(part, path)


def test_a_changed_file_is_read_again_within_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "synonyms.txt", Clock()
    path.write_text("tv, telly")
    file = SynonymFile(path, clock=clock)
    before = file.rules()
    assert set(before.meanings) == {("tv",), ("telly",)}
    rewritten(path, "tv, television")
    clock.now = 0.9
    assert file.rules() is before
    clock.now = 1.0
    assert set(file.rules().meanings) == {("tv",), ("television",)}
    assert file.rules().fingerprint != before.fingerprint


def test_a_broken_new_file_keeps_the_old_rules_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "synonyms.txt", Clock()
    path.write_text("tv, telly")
    file = SynonymFile(path, clock=clock)
    before = file.rules()
    rewritten(path, "tv, television\nalone\n")
    with caplog.at_level(logging.WARNING, logger="multirecall.recall"):
        for clock.now in (1.0, 2.0, 3.0):
            assert file.rules() is before
    assert "line 2" in file.problem
    assert len(caplog.records) == 1
    path.unlink()
    clock.now = 4.0
    assert file.rules() is before
    assert "No such file" in file.problem
    rewritten(path, "tv, set")
    clock.now = 5.0
    assert set(file.rules().meanings) == {("tv",), ("set",)}
    assert file.problem == ""


def test_what_is_wrong_from_the_beginning_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="No such file"):
        SynonymFile(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes("größe, grösse".encode("latin-1"))
    with pytest.raises(InvalidSettings, match="not UTF-8"):
        SynonymFile(tmp_path / "latin.txt")
