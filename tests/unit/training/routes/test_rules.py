"""Rules are found where the data speak clearly, and not where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.training.routes.rules import Learning, find_rules


def drawn(seed: int, n: int = 200) -> tuple[list[dict[str, float]], np.ndarray]:
    """Random queries, and what each loses without a route: nothing with a part number, .15 on the mean else."""
    generator = np.random.default_rng(seed)
    shapes = [
        {"words": float(generator.integers(1, 8)), "part_number": float(generator.random() < 0.3),
         "numbers": float(generator.integers(0, 3))}
        for _ in range(n)
    ]  # fmt: skip
    falls = np.array(
        [-0.02 + 0.05 * generator.normal() if s["part_number"] else 0.15 + 0.2 * generator.normal() for s in shapes]
    )
    return shapes, falls


def covered(rules: object, shapes: list[dict[str, float]]) -> np.ndarray:
    return np.array([any(all(c.holds(s[c.feature]) for c in rule) for rule in rules) for s in shapes])  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(5))
def test_the_queries_that_lose_nothing_are_found(seed: int) -> None:
    shapes, falls = drawn(seed)
    rules = find_rules(shapes, falls, Learning())
    assert rules
    assert any(condition.feature == "part_number" and condition.above for rule in rules for condition in rule)
    of_rules = covered(rules, shapes)
    with_number = np.array([s["part_number"] == 1.0 for s in shapes])
    assert of_rules[with_number].mean() > 0.8
    assert falls[of_rules].sum() <= Learning().tolerance * len(falls)


def test_shuffled_falls_teach_next_to_nothing() -> None:
    """The negative control: the same losses dealt to queries at random. Among hundreds of rules one is lucky now and
    then; it covers few queries, and the cross-validation of `learn_policy` is there to refuse it."""
    lucky = []
    for seed in range(30):
        shapes, falls = drawn(seed)
        rules = find_rules(shapes, np.random.default_rng(seed + 100).permutation(falls), Learning())
        lucky.append(covered(rules, shapes).mean())
    assert np.count_nonzero(lucky) <= 3
    assert max(lucky) < 0.1


def test_a_rule_needs_queries_enough_and_a_budget_that_its_uncertainty_fits_into() -> None:
    shapes = [{"numbers": float(at < 9)} for at in range(100)]
    falls = np.where(np.arange(100) < 9, 0.0, 0.3)
    assert find_rules(shapes, falls, Learning(least_queries=10)) == ()
    sure = find_rules(shapes, falls, Learning(least_queries=9, tolerance=0.05))
    assert [str(condition) for rule in sure for condition in rule] == ["1 word with a digit or more"]
    assert find_rules(shapes, falls, Learning(least_queries=9, tolerance=0.0)) == ()  # nine zeros prove little


def test_the_gain_of_one_rule_pays_for_no_other() -> None:
    shapes = [{"words": float(at % 4), "numbers": 0.0} for at in range(400)]
    falls = np.array([(-0.5, 0.1, 0.1, 0.1)[at % 4] for at in range(400)])
    learning = Learning(tolerance=0.0, certainty=0.0, most_rules=3)
    rules = find_rules(shapes, falls, learning)
    assert falls[covered(rules, shapes)].sum() <= 0.0


def test_more_tolerance_never_covers_less_and_no_queries_give_no_rule() -> None:
    shapes, falls = drawn(3)
    sizes = [
        covered(find_rules(shapes, falls, Learning(tolerance=t)), shapes).sum() for t in (0.0, 0.002, 0.02, 0.1, 0.5)
    ]
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(shapes)
    assert find_rules([], np.empty(0), Learning()) == ()
    assert find_rules([{"words": 1.0}] * 50, np.zeros(50), Learning()) == ()  # all alike: nothing to tell by


@pytest.mark.parametrize(
    "wrong", [{"tolerance": -0.1}, {"tolerance": 1.0}, {"alpha": 0.0}, {"certainty": -1.0}, {"least_queries": 1},
              {"most_rules": 0}, {"n_folds": 1}, {"tolerance": float("nan")}],
)  # fmt: skip
def test_learning_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        Learning(**wrong)  # type: ignore[arg-type]
