"""Golden values of the rewards, each as its formula."""

from __future__ import annotations

import math

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.encoders.opening import open_encoder
from multirecall.engines.opening import open_engine
from multirecall.training.rewriter.rewards.combining import Reward, RewardWeights, combined
from multirecall.training.rewriter.rewards.coverage import Coverage
from multirecall.training.rewriter.rewards.likeness import Likeness
from multirecall.training.rewriter.rewards.title_model import TitleModel


def reward(
    rewrites: list[str],
    kept: list[float],
    *,
    n: int = 3,
    like: float = 0.4,
    weights: RewardWeights | None = None,
    unsold: str = "",
    literal: bool = False,
) -> Reward:
    return combined(
        "dark mornings",
        rewrites,
        n=n,
        kept=kept,
        product_like=[0.8] * len(rewrites),
        found=[text != unsold for text in rewrites],
        similar=lambda a, b: like,
        weights=weights or RewardWeights(),
        literal=literal,
    )


def test_the_total_is_the_weighted_sum_of_the_three() -> None:
    found = reward(["lamp", "alarm clock", "torch"], [0.9, 0.8, 0.7])
    assert found.relevance == pytest.approx((0.9 + 0.8 + 0.7) / 3)
    assert found.alignment == pytest.approx(0.8)
    assert found.diversity == pytest.approx(1 - 0.4)
    assert found.total == pytest.approx(0.5 * 0.8 + 0.3 * 0.8 + 0.2 * 0.6)
    assert found.similarity == pytest.approx(0.4)


def test_the_parts_of_texts_are_what_each_adds() -> None:
    found = reward(["lamp", "alarm clock", "torch"], [0.9, 0.49, 0.7])
    lamp = 0.5 * 0.9 / 3 + 0.3 * 0.8 / 3
    clock = 0.5 * 0.49 / 3  # below the gate: neither aligned nor apart from others
    torch = 0.5 * 0.7 / 3 + 0.3 * 0.8 / 3 + 0.2 * (1 - 0.4) / 3  # apart from the lamp
    assert found.parts == pytest.approx((lamp, clock, torch))
    assert found.total == pytest.approx(sum(found.parts))


def test_a_candidate_below_the_gate_has_no_part_in_alignment_and_diversity() -> None:
    found = reward(["lamp", "alarm clock", "torch"], [0.9, 0.49, 0.5])
    assert found.alignment == pytest.approx((0.8 + 0.8) / 3)
    assert found.diversity == pytest.approx((1 - 0.4) / 3)  # one pair of three is left
    assert found.relevance == pytest.approx((0.9 + 0.49 + 0.5) / 3)
    assert found.similarity == pytest.approx(0.4)  # what is printed is not gated


def test_fluent_nonsense_gains_less_than_one_right_answer() -> None:
    nonsense = reward(["office chair", "laser printer", "tent"], [0.05, 0.05, 0.05], like=0.0)
    assert nonsense.total < reward(["lamp"], [0.9]).total


def test_a_text_said_again_counts_as_not_given() -> None:
    twice = reward(["lamp", "lamp", "torch"], [0.9, 0.9, 0.6])
    once = reward(["lamp", "torch"], [0.9, 0.6])
    assert (twice.relevance, twice.alignment, twice.diversity) == (once.relevance, once.alignment, once.diversity)
    assert twice.diversity == pytest.approx(0.6 / 3)
    assert twice.similarity == pytest.approx((1 + 0.4 + 0.4) / 3)  # printed: the pairs as they are
    assert reward(["lamp", "Dark Mornings ", "torch"], [1, 1, 1]).diversity == pytest.approx((0 + 0.6 + 0) / 3)


def test_the_methods_own_formula_counts_a_repeat_again() -> None:
    twice = reward(["lamp", "lamp", "torch"], [0.9, 0.9, 0.6], literal=True)
    assert twice.relevance == pytest.approx((0.9 + 0.9 + 0.6) / 3)
    assert twice.alignment == pytest.approx(0.8)
    assert twice.diversity == pytest.approx((0 + 0.6 + 0.6) / 3)  # only the two equal texts are alike


def test_a_text_that_finds_nothing_counts_as_not_given_unless_the_formula_is_taken_literally() -> None:
    values = ["lamp", "silk lamp", "torch"], [0.9, 0.9, 0.6]
    without = reward(["lamp", "torch"], [0.9, 0.6])
    unsold = reward(*values, unsold="silk lamp")
    assert (unsold.relevance, unsold.alignment, unsold.diversity, unsold.total) == (
        without.relevance, without.alignment, without.diversity, without.total,
    )  # fmt: skip
    assert reward(*values, unsold="silk lamp", literal=True) == reward(*values, literal=True)


def test_what_is_not_said_counts_nothing() -> None:
    one = reward(["lamp"], [1.0])
    assert (one.relevance, one.alignment, one.diversity) == (pytest.approx(1 / 3), pytest.approx(0.8 / 3), 0.0)
    assert reward([], []).total == 0.0
    assert reward(["lamp"], [1.0], n=1).diversity == 0.0


def test_a_weight_of_0_switches_a_reward_off() -> None:
    off = reward(["lamp", "torch", "clock"], [1, 1, 1], weights=RewardWeights(diversity=0.0))
    assert off.total == pytest.approx(0.5 * 1 + 0.3 * 0.8)
    with pytest.raises(InvalidInput, match="diversity"):
        RewardWeights(diversity=-1)
    with pytest.raises(InvalidInput, match="At least one"):
        RewardWeights(relevance=0, alignment=0, diversity=0)


def test_the_title_model_by_hand() -> None:
    model = TitleModel(["red lamp", "red tent"], k=1.0)
    # unigrams: red 2, lamp 1, tent 1, end 2; with one unknown word the vocabulary is 5
    unigram = (2 + 1) / (6 + 5)
    bigram = (2 + unigram) / (2 + 1)  # "red" begins both
    trigram = (2 + bigram) / (2 + 1)
    assert model.probability("red", ["<s>", "<s>"]) == pytest.approx(trigram)
    lamp = (1 + (1 + (1 + 1) / 11) / 3) / 3
    assert model.mean_log("Red, lamp!") == pytest.approx((math.log(trigram) + math.log(lamp)) / 2)
    assert model.mean_log("?!") == -math.inf
    assert model.score("?!") == 0.0


@pytest.mark.parametrize("before", [["<s>", "<s>"], ["<s>", "red"], ["never", "seen"]])
def test_probabilities_of_the_title_model_sum_to_1(before: list[str]) -> None:
    model = TitleModel(["red lamp", "red tent", "blue tent red lamp"])
    words = ["red", "lamp", "tent", "blue", "</s>", "some unknown word"]
    assert sum(model.probability(word, before) for word in words) == pytest.approx(1.0)


def test_a_typical_head_query_scores_one_half() -> None:
    model = TitleModel(["red lamp", "red tent", "blue tent"])
    queries = ["red lamp", "blue lamp", "tent"]
    values = [model.mean_log(q) for q in queries]
    mean = sum(values) / 3
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / 3)
    model.set_against(queries)
    assert model.score("red tent") == pytest.approx(
        1 / (1 + math.exp(-(model.mean_log("red tent") - mean) / deviation))
    )
    with pytest.raises(InvalidInput, match="two head queries"):
        model.set_against(["tent"])
    with pytest.raises(InvalidInput, match="no titles"):
        TitleModel(["", "!"])


def test_likeness_is_the_larger_of_overlap_and_cosine() -> None:
    encoder = open_encoder("hashing?dim=64")
    likeness = Likeness(encoder)
    assert likeness.of("red desk lamp", "lamp desk RED") == pytest.approx(1.0)
    a, b = "red desk lamp", "red floor lamp"
    cosine = float(encoder.encode_queries([a])[0] @ encoder.encode_queries([b])[0])
    assert likeness.of(a, b) == pytest.approx(max(2 / 4, cosine), abs=1e-6)


def test_coverage_counts_products_that_hold_all_words(shop: str) -> None:
    with open_engine(shop) as engine:
        coverage = Coverage(engine)
        coverage.look_up(["laptop", "zzyzx laptop"])
        assert coverage.score("zzyzx laptop") == 0.0
        assert 0.0 < coverage.score("laptop") <= 1.0
