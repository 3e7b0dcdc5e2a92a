from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration import cut_of, has_good_result, no_good_result, tail_cut

LISTS = {"a": [0.9, 0.5], "b": [0.6, 0.3], "c": [0.4, 0.2], "d": [0.2], "e": []}
RELEVANT = {"a": [1, 0], "b": [0, 1], "c": [0, 0], "d": [0], "e": []}


def test_no_good_result_takes_the_highest_threshold_that_keeps_the_aim() -> None:
    found = no_good_result(LISTS, RELEVANT, precision=1.0)
    assert found.threshold == pytest.approx((0.4 + 0.6) / 2)  # c, d, e are bad and below; b is good
    assert (found.precision, found.recall, found.hidden, found.met) == (1.0, 1.0, 0.0, True)
    wider = no_good_result(LISTS, RELEVANT, precision=0.75)  # b too: 3 of 4 are bad
    assert wider.threshold == pytest.approx((0.6 + 0.9) / 2)
    assert (wider.precision, wider.hidden) == (3 / 4, 1 / 2)


def test_no_good_result_says_that_the_aim_cannot_be_met() -> None:
    found = no_good_result({"a": [0.1], "b": [0.8]}, {"a": [1], "b": [0]}, precision=0.9)
    assert (found.met, found.threshold, found.recall) == (False, 0.0, 0.0)


def test_the_curves_agree_with_counting() -> None:
    generator = np.random.default_rng(5)
    p = {f"q{i}": np.sort(generator.random(6).round(1))[::-1] for i in range(60)}
    y = {qid: generator.random(6) < values / 2 for qid, values in p.items()}
    found = no_good_result(p, y, precision=0.7)
    for t, precision, recall in zip(found.thresholds, found.precisions, found.recalls, strict=True):
        bad = [not y[q].any() for q in p if not has_good_result(p[q], t)]
        assert precision == pytest.approx(np.mean(bad) if bad else 1.0)
        assert recall == pytest.approx(sum(bad) / sum(not y[q].any() for q in p))
    cut = tail_cut(p, y, precision=0.4)
    everything = sum(values.sum() for values in y.values())
    for t, precision, recall in zip(cut.thresholds, cut.precisions, cut.recalls, strict=True):
        left = np.concatenate([y[q][: cut_of(p[q], t)] for q in p])
        assert precision == pytest.approx(left.mean())
        assert recall == pytest.approx(left.sum() / everything)
    assert cut.met
    assert cut.precision >= 0.4
    earlier = cut.thresholds < cut.threshold
    assert (cut.precisions[earlier] < 0.4).all()


def test_tail_cut_loses_as_little_as_the_aim_allows() -> None:
    cut = tail_cut(LISTS, RELEVANT, precision=0.5)
    # at .25: .9 .6 .5 .4 .3 stay, 2 of 5; at .45: .9 .6 .5, 1 of 3; at .55: .9 .6, 1 of 2
    assert cut.threshold == pytest.approx(0.55)
    assert (cut.precision, cut.recall, cut.kept) == (1 / 2, 1 / 2, 2 / 7)


def test_tail_cut_beyond_reach_takes_the_best_there_is() -> None:
    cut = tail_cut({"a": [0.9, 0.8], "b": [0.4]}, {"a": [0, 1], "b": [0]}, precision=0.9)
    assert not cut.met
    assert cut.precision == max(cut.precisions) == 0.5


def test_a_list_is_cut_before_its_first_product_below() -> None:
    assert cut_of([0.9, 0.5, 0.5, 0.1], 0.5) == 3
    assert cut_of([0.9, 0.8], 0.5) == 2
    assert cut_of([], 0.5) == 0
    assert not has_good_result([], 0.0)
    assert has_good_result([0.5, 0.1], 0.5)


def test_points_are_plain_values() -> None:
    assert set(no_good_result(LISTS, RELEVANT).to_dict()) >= {"threshold", "hidden", "aim"}
    assert set(tail_cut(LISTS, RELEVANT).to_dict()) >= {"threshold", "kept", "aim"}


@pytest.mark.parametrize(
    ("probabilities", "relevant"),
    [({}, {}), ({"a": [0.5]}, {"b": [1]}), ({"a": [0.5]}, {"a": [1, 0]}), ({"a": [1.5]}, {"a": [1]})],
)
def test_lists_that_do_not_fit_are_refused(probabilities: dict, relevant: dict) -> None:
    for choose in (no_good_result, tail_cut):
        with pytest.raises(InvalidInput):
            choose(probabilities, relevant)


def test_aims_out_of_range_and_lists_without_a_product_are_refused() -> None:
    for aim in (0.0, 1.1, float("nan")):
        with pytest.raises(InvalidInput, match="precision must be"):
            tail_cut(LISTS, RELEVANT, precision=aim)
    with pytest.raises(InvalidInput, match="No list holds a product"):
        tail_cut({"a": []}, {"a": []})
