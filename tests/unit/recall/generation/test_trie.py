from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.errors import IndexCorrupt, InvalidInput
from multirecall.recall.generation.trie import Trie
from multirecall.recall.generation.union import Union

END = 9
SEQUENCES = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=5), max_size=30)


def allowed_by(sequences: list[list[int]], prefix: tuple[int, ...]) -> list[int]:
    n = len(prefix)
    return sorted({(*one, END)[n] for one in sequences if tuple(one[:n]) == prefix and len(one) >= n})


def prefixes(sequences: list[list[int]]) -> set[tuple[int, ...]]:
    return {tuple(one[:n]) for one in sequences for n in range(len(one) + 1)}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sequences=SEQUENCES)
def test_what_may_follow_is_what_some_sequence_goes_on_with(sequences: list[list[int]]) -> None:
    trie = Trie.build(sequences, end=END)
    for prefix in prefixes(sequences):
        state = trie.start()
        for token in prefix:
            state = trie.advance(state, token)
        assert trie.allowed(state).tolist() == allowed_by(sequences, prefix)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sequences=SEQUENCES, others=SEQUENCES)
def test_sequences_are_found_by_their_ordinal(sequences: list[list[int]], others: list[list[int]]) -> None:
    trie = Trie.build(sequences, end=END)
    distinct = list(dict.fromkeys(map(tuple, sequences)))
    assert trie.sequences() == distinct
    assert trie.n_sequences == len(distinct)
    for one in [*sequences, *others]:
        assert trie.find(one) == (distinct.index(tuple(one)) if tuple(one) in distinct else None)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(sequences=SEQUENCES, more=SEQUENCES, fewer=SEQUENCES)
def test_a_changed_trie_and_a_union_are_the_trie_of_all(
    sequences: list[list[int]], more: list[list[int]], fewer: list[list[int]]
) -> None:
    trie = Trie.build(sequences, end=END)
    kept = [one for one in [*sequences, *more] if one not in fewer]
    assert trie.changed(add=more, remove=fewer).sequences() == list(dict.fromkeys(map(tuple, kept)))
    union = Union([trie, Trie.build(more, end=END)])
    for prefix in prefixes([*sequences, *more]):
        state = union.start()
        for token in prefix:
            state = union.advance(state, token)
        assert union.allowed(state).tolist() == allowed_by([*sequences, *more], prefix)
        hash(state)


def test_a_trie_comes_back_from_its_file_mapped_and_read_only(tmp_path: Path) -> None:
    trie = Trie.build([[1, 2], [1], [3, 4, 5]], end=END)
    trie.save(tmp_path / "codes.trie")
    opened = Trie.open(tmp_path / "codes.trie")
    assert opened.sequences() == [(1, 2), (1,), (3, 4, 5)]
    assert opened.digest == trie.digest
    assert not opened.allowed(0).flags.writeable


def test_a_trie_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "codes.trie"
    Trie.build([[1, 2], [3]], end=END).save(file)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(IndexCorrupt, match=r"codes\.trie"):
        Trie.open(file)


@pytest.mark.parametrize("bad", [[[1], []], [[1, END]], [[-1]]])
def test_what_is_no_sequence_is_refused(bad: list[list[int]]) -> None:
    with pytest.raises(InvalidInput, match="of the trie"):
        Trie.build(bad, end=END)


def test_an_empty_union_allows_nothing() -> None:
    union = Union([])
    assert np.array_equal(union.allowed(union.start()), [])
