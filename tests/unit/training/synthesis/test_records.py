"""Records and the journal: what is settled is kept through a kill, and nothing else is trained on than x and p."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings, InvalidSource
from multirecall.training.synthesis.records import (
    Journal,
    Settled,
    SyntheticPair,
    query_hash,
    read_pairs,
    training_pairs,
    write_pairs,
)

PAIR = SyntheticPair(x="sore back", p="7", y_used="lumbar chair", by="teacher", j=1, b=0.8, s=0.7, type="question")
SETTLED = Settled(
    hash=query_hash("sore back", "id"), x="sore back", type="question", counts={"found": 3}, pairs=(PAIR,)
)


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    write_pairs([PAIR, PAIR], tmp_path / "pairs.jsonl")
    assert list(read_pairs(tmp_path / "pairs.jsonl")) == [PAIR, PAIR]


def test_the_rewriting_is_no_training_text() -> None:
    (pair,) = training_pairs([PAIR])
    assert (pair.query, pair.product) == ("sore back", "7")


@pytest.mark.parametrize("line", [b"{}", b"not json", b'{"x": "", "p": "1", "source": "syn"}', b'{"source": "click"}'])
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: bytes) -> None:
    write_pairs([PAIR], tmp_path / "pairs.jsonl")
    with (tmp_path / "pairs.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(InvalidSource, match="line 2"):
        list(read_pairs(tmp_path / "pairs.jsonl"))


def test_the_journal_keeps_what_is_settled_once(tmp_path: Path) -> None:
    for _ in range(2):
        with Journal(tmp_path) as journal:
            journal.add(SETTLED)
    with Journal(tmp_path) as journal:
        assert journal.settled == {SETTLED.hash: SETTLED}
    assert journal.file.read_bytes().count(b"\n") == 1


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add(SETTLED)
    whole = journal.file.read_bytes()
    journal.file.write_bytes(whole + whole[:20])
    with Journal(tmp_path) as again:
        assert list(again.settled) == [SETTLED.hash]
    assert journal.file.read_bytes() == whole


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("{}\n")
    with pytest.raises(InvalidSource, match=r"journal\.jsonl line 1"):
        Journal(tmp_path)
    with pytest.raises(InvalidSettings, match="Cannot write"):
        Journal(tmp_path / "journal.jsonl")


def test_the_hash_is_of_the_query_and_of_what_its_pairs_depend_on() -> None:
    assert len({query_hash("a", "1"), query_hash("b", "1"), query_hash("a", "2")}) == 3
