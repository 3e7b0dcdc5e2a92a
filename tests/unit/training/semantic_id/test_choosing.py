"""Which tokens go: K by the rule, controls, and what is lossless."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.vector_clouds import zipf_clusters
from multirecall.core.errors import InvalidInput
from multirecall.recall.semantic_ids.shortening import Shortening, code_keys
from multirecall.training.semantic_id.choosing import (
    drop_layer,
    frequent_tokens,
    heads_to_drop,
    random_tokens,
    settled,
    top_remaining,
)
from multirecall.training.semantic_id.diagnosing import id_figures, layer_counts
from multirecall.training.semantic_id.residual import ResidualKMeans

SIZES = (16, 16, 16)


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    vectors = zipf_clusters(2000, 16, size=16, seed=1)
    return ResidualKMeans(sizes=SIZES, inits=1, iterations=15).fit(vectors).codes(vectors)


@pytest.mark.parametrize(
    ("counts", "k"),
    [
        ([5] * 10, 0),  # even: the largest share, 1/10, is below 3/10
        ([90, *[1] * 9], 1),
        ([90, 65, *[5] * 8], 2),  # 65 of 195 is not below 3/10, 5 of 195 is
        ([8, 4, 2, 1, 0, 0, 0, 0, 0, 0], 1),  # 4 of 15 is below 3/10: a share is one of all products
        ([6, 6, 6, 2, 0, 0, 0, 0, 0, 0], 3),  # exactly 3/10 is not below
    ],
)
def test_the_smallest_k_that_leaves_an_even_tail(counts: list[int], k: int) -> None:
    assert heads_to_drop(np.array(counts)) == k


def test_ids_get_shorter_and_fewer_with_k(codes: np.ndarray) -> None:
    counts = layer_counts(codes, SIZES)[1]
    figures = [id_figures(frequent_tokens(counts, k).shorten(codes, SIZES), SIZES) for k in range(17)]
    lengths, distinct = [one.length for one in figures], [one.distinct for one in figures]
    assert lengths == sorted(lengths, reverse=True)
    assert (lengths[0], lengths[-1]) == (3.0, 2.0)
    assert lengths[1] == pytest.approx(3.0 - counts.max() / len(codes))
    assert distinct[0] == distinct[1]  # one token missing is told by its being missing
    assert distinct[1:] == sorted(distinct[1:], reverse=True)
    assert distinct[-1] == len(np.unique(codes[:, ::2], axis=0))
    np.testing.assert_array_equal(
        frequent_tokens(counts, 16).shorten(codes, SIZES), drop_layer(16).shorten(codes, SIZES)
    )


def test_what_is_settled_moves_no_product_to_another_bucket(codes: np.ndarray) -> None:
    rule = settled(codes, SIZES)
    short = rule.shorten(codes, SIZES)
    left_out = short[:, 1] < 0
    assert 0 < left_out.sum() < len(codes)
    before = np.unique(code_keys(codes, SIZES), return_inverse=True)[1]
    after = np.unique(code_keys(short, SIZES), return_inverse=True)[1]
    assert len({*zip(before.tolist(), after.tolist(), strict=True)}) == before.max() + 1 == after.max() + 1
    for row, gone in zip(codes, left_out, strict=True):  # by its definition
        same = codes[(codes[:, 0] == row[0]) & (codes[:, 2] == row[2]), 1]
        assert gone == (len(set(same.tolist())) == 1)
    both = Shortening(heads=frequent_tokens(layer_counts(codes, SIZES)[1], 1).heads, settled=rule.settled)
    assert id_figures(both.shorten(codes, SIZES), SIZES).distinct == id_figures(codes, SIZES).distinct


def test_controls_and_shares(codes: np.ndarray) -> None:
    counts = layer_counts(codes, SIZES)[1]
    drawn = random_tokens(counts, 5, seed=2)
    assert len(drawn.heads) == 5
    assert drawn == random_tokens(counts, 5, seed=2) != random_tokens(counts, 5, seed=3)
    shares = [top_remaining(counts, frequent_tokens(counts, k), 5) for k in range(17)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(np.sort(counts)[-5:].sum() / len(codes))
    assert frequent_tokens(np.array([3, 7, 7, 1]), 1).heads == {1}  # ties: the lower code
    with pytest.raises(InvalidInput):
        frequent_tokens(counts, 17)
    with pytest.raises(InvalidInput):
        random_tokens(np.array([1, 0, 0]), 2, seed=0)
