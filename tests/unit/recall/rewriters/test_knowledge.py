"""Files of concepts: what is read, what is refused, and what the packaged ones hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.core.rewriting import MAX_REWRITING_CHARS
from multirecall.recall.rewriters.knowledge import (
    KINDS,
    Concept,
    built_in_concepts,
    load_concepts,
    parse_concepts,
    write_concepts,
)

GLARE = Concept(key="glare", kind="question", say=("sun on my screen",), find=("anti-glare filter", "screen hood"))
ODD = Concept(key='a "b"\\c', kind="slang", say=('kärtchen \\ "x"\x7f',), find=("card – small",))


def test_there_are_350_concepts_of_every_kind() -> None:
    concepts = built_in_concepts()
    kinds = Counter(concept.kind for concept in concepts)
    assert len(concepts) >= 350
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 40


def test_each_has_three_wordings_and_one_to_five_queries() -> None:
    for concept in built_in_concepts():
        assert len(concept.say) >= 3, concept.key
        assert 1 <= len(concept.find) <= 5, concept.key


def test_no_wording_is_two_concepts() -> None:
    said = Counter(text.lower() for concept in built_in_concepts() for text in concept.say)
    assert [text for text, n in said.items() if n > 1] == []


def test_no_query_is_a_wording_of_its_concept() -> None:
    assert [c.key for c in built_in_concepts() if set(c.say) & set(c.find)] == []


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    write_concepts((GLARE, ODD), path)
    assert load_concepts(path) == (GLARE, ODD)


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    write_concepts((ODD,), tmp_path / "b.toml")
    write_concepts((GLARE,), tmp_path / "a.toml")
    assert load_concepts(tmp_path) == (GLARE, ODD)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[question]\nx = 1", "x"),
        ('[question]\nx = { say = ["a"] }', "x"),
        ('[question]\nx = { say = ["a"], find = ["b"], more = 1 }', "x"),
        ('[question]\nx = { say = [], find = ["b"] }', "x.say"),
        ('[question]\nx = { say = ["a"], find = ["  "] }', "x.find"),
        ('[question]\nx = { say = ["a"], find = [3] }', "x.find"),
        ('[question]\nx = { say = "a", find = ["b"] }', "x.say"),
        ('[question]\nx = { say = ["a", "a"], find = ["b"] }', "x.say"),
        (f'[question]\nx = {{ say = ["a"], find = ["{"b" * (MAX_REWRITING_CHARS + 1)}"] }}', "x.find"),
        ('[needs]\nx = { say = ["a"], find = ["b"] }', "needs"),
        ("question = 3", "question"),
        ("[question", "knowledge"),
    ],
)
def test_what_is_wrong_is_named(text: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=r"shop\.toml") as caught:
        parse_concepts(text, name="shop.toml")
    assert caught.value.data["field"] == field


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.toml", tmp_path / "bytes.toml"):
        with pytest.raises(InvalidInput, match=path.name):
            load_concepts(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=r"no \.toml file"):
        load_concepts(tmp_path / "empty")


def test_a_key_in_two_files_is_refused(tmp_path: Path) -> None:
    write_concepts((GLARE,), tmp_path / "a.toml")
    write_concepts((GLARE,), tmp_path / "b.toml")
    with pytest.raises(InvalidInput, match="comes twice"):
        load_concepts(tmp_path)
