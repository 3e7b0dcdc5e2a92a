from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.scored_pairs import ordering, scored_pairs
from tests.unit.evaluation.scored_pairs.samples import sample


def test_means_and_boundaries_by_hand() -> None:
    pairs = scored_pairs(
        ["a", "a", "a", "a", "b", "b", "c"],
        [2, 1, 1, 0, 2, 0, 1],
        [0.9, 0.95, 0.5, 0.1, 0.3, 0.3, 0.9],
    )
    found = ordering(pairs)
    assert found.n_groups == 2  # c has one grade
    assert found.by_means == 1 / 2  # b is a tie: not strictly in order
    assert dict(found.boundaries) == {(2.0, 1.0): 1 / 2, (1.0, 0.0): 1.0}
    assert found.by_representatives == pytest.approx((1 / 2 + 0) / 2)
    assert np.isnan(found.means_ordered).tolist() == [False, False, True]
    assert ordering(pairs, least_grades=3).n_groups == 1


def test_the_chance_that_representatives_are_in_order_is_that_over_all_draws() -> None:
    pairs = sample(gap=0.1, n_queries=12, per_query=9)
    rounded = scored_pairs(pairs.queries, pairs.grades, np.round(pairs.scores, 1))  # with ties
    found = ordering(rounded)
    for query in range(12):
        own = rounded.queries == query
        of = [rounded.scores[own & (rounded.grades == grade)] for grade in (2, 1, 0)]
        draws = list(product(*[values for values in of if len(values)]))
        share = np.mean([all(a > b for a, b in pairwise(d)) for d in draws])
        assert found.representatives_ordered[query] == pytest.approx(share)


def test_pairs_without_a_group_are_refused() -> None:
    with pytest.raises(InvalidInput, match="3 grades"):
        ordering(scored_pairs([0, 0], [1, 0], [1.0, 0.0]), least_grades=3)
    with pytest.raises(InvalidInput, match="2 grades"):
        ordering(sample(), least_grades=1)
