import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from multirecall.encoders.batching import batches, padded

lengths_of_texts = st.lists(st.integers(min_value=0, max_value=300), max_size=60)


@given(lengths=lengths_of_texts, cap=st.integers(min_value=1, max_value=2_000))
def test_every_text_is_in_exactly_one_batch(lengths: list[int], cap: int) -> None:
    parts = list(batches(lengths, cap))
    assert sorted(at for part in parts for at in part) == list(range(len(lengths)))


@given(lengths=lengths_of_texts, cap=st.integers(min_value=1, max_value=2_000))
def test_a_batch_stays_within_the_cap_or_is_one_text(lengths: list[int], cap: int) -> None:
    for part in batches(lengths, cap):
        assert len(part) == 1 or len(part) * max(lengths[at] for at in part) <= cap


@given(lengths=lengths_of_texts, cap=st.integers(min_value=1, max_value=2_000))
def test_batches_are_as_full_as_the_cap_allows(lengths: list[int], cap: int) -> None:
    parts = list(batches(lengths, cap))
    for part, following in itertools.pairwise(parts):
        assert (len(part) + 1) * max(1, lengths[following[0]]) > cap


def test_short_texts_come_first_and_ties_keep_their_order() -> None:
    assert [part.tolist() for part in batches([5, 2, 5, 2], 4)] == [[1, 3], [0], [2]]


def test_a_cap_of_one_gives_one_text_per_batch() -> None:
    assert [part.tolist() for part in batches([3, 0, 1, 0], 1)] == [[1], [3], [2], [0]]


def test_no_texts_give_no_batches() -> None:
    assert list(batches([], 100)) == []


def test_a_cap_below_one_token_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 1 token"):
        list(batches([1], 0))


def test_padding_goes_to_the_right_and_the_mask_marks_it() -> None:
    ids, mask = padded([[7, 8, 9], [5]], pad_id=1)
    np.testing.assert_array_equal(ids, [[7, 8, 9], [5, 1, 1]])
    np.testing.assert_array_equal(mask, [[1, 1, 1], [1, 0, 0]])
    assert ids.dtype == mask.dtype == np.int64


def test_a_text_without_tokens_is_one_padding_wide() -> None:
    ids, mask = padded([[]], pad_id=4)
    np.testing.assert_array_equal(ids, [[4]])
    np.testing.assert_array_equal(mask, [[0]])
