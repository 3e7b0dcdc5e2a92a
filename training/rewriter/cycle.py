"""Cycle consistency, an option: a list is good if a model of the way back finds the query again from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Policy, token_log_probs
from multirecall.training.rewriter.data import SEPARATOR, Example
from multirecall.training.rewriter.grpo import ScoreLists
from multirecall.training.rewriter.rewards.combining import Reward

__all__ = ["CycleConsistency", "turned_examples", "with_cycle"]


def turned_examples(taught: Sequence[Example]) -> list[Example]:
    """From lists to queries: what the way back learns from."""
    return [Example(query=e.rewrites, rewrites=e.query) for e in taught]


class CycleConsistency:
    """`exp` of the mean log probability that the way back gives the query's tokens: 0 to 1."""

    def __init__(self, backward: Policy) -> None:
        self._backward = backward

    def score(self, lists: Sequence[tuple[str, tuple[str, ...]]]) -> list[float]:
        """One number per (query, rewrites); an empty list scores 0."""
        given = [(query, SEPARATOR.join(rewrites)) for query, rewrites in lists if rewrites]
        if not given:
            return [0.0] * len(lists)
        with required("torch").no_grad():
            outputs = [self._backward.output_ids(query) for query, _ in given]
            model = self._backward.model
            chosen, mask = token_log_probs(*self._backward.logits(model, [text for _, text in given], outputs))
        scores = iter((chosen.sum(1) / mask.sum(1)).exp().tolist())
        return [float(next(scores)) if rewrites else 0.0 for _, rewrites in lists]


def with_cycle(score: ScoreLists, cycle: CycleConsistency, *, share: float) -> ScoreLists:
    """The same rewards with `share` of the total given to cycle consistency."""

    def scored(lists: Sequence[tuple[str, tuple[str, ...]]]) -> list[Reward]:
        return [
            replace(
                reward,
                total=(1 - share) * reward.total + share * found,
                parts=tuple((1 - share) * part + share * found / len(reward.parts) for part in reward.parts),
            )
            for reward, found in zip(score(lists), cycle.score(lists), strict=True)
        ]

    return scored
