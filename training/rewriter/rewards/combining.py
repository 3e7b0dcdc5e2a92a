"""R(x, Y) = 0.5 relevance + 0.3 alignment with products + 0.2 diversity, with the gate against fluent nonsense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from multirecall.core.errors import InvalidInput
from multirecall.training.rewriter.rewards.coverage import Coverage
from multirecall.training.rewriter.rewards.likeness import Likeness
from multirecall.training.rewriter.rewards.title_model import TitleModel

__all__ = ["GATE", "KeepsIntent", "Reward", "RewardWeights", "Rewards", "combined"]

GATE = 0.5
"""A candidate judged below this has no part in alignment and diversity."""


class KeepsIntent(Protocol):
    """Judges pairs of query and rewrite."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> Sequence[float]:
        """The probability, 0 to 1, that each rewrite keeps the query's intent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardWeights:
    relevance: float = 0.5
    alignment: float = 0.3
    diversity: float = 0.2

    def __post_init__(self) -> None:
        for name in ("relevance", "alignment", "diversity"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(f"The weight of {name} must be 0 or more.", field=name)
        if self.relevance + self.alignment + self.diversity <= 0:
            raise InvalidInput("At least one reward needs a weight above 0.", field="weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """The rewards of one list, each 0 to 1. `similarity`: the mean over its pairs, not gated (0: a single one).

    `parts`: what each text adds to the total, in order: its own relevance and alignment, and its distances to the texts
    before it. They sum to the total.
    """

    relevance: float
    alignment: float
    diversity: float
    total: float
    similarity: float
    parts: tuple[float, ...]


def combined(
    query: str,
    rewrites: Sequence[str],
    *,
    n: int,
    kept: Sequence[float],
    product_like: Sequence[float],
    found: Sequence[bool],
    similar: Callable[[str, str], float],
    weights: RewardWeights,
    literal: bool = False,
) -> Reward:
    """The formula, of what the parts say about each rewrite.

    Means are over `n` rewrites and their n(n-1)/2 pairs: a rewrite that was not given counts 0, so that saying little
    is never the best policy. One that stands earlier in the list, or that no product answers (`found`), counts as not
    given. Diversity takes no part of a pair with a rewrite below the gate, or with the query itself.

    `literal` is the method's own formula, without those two rules: of a repeat only the two equal texts are alike, and
    a text that finds nothing loses its coverage alone. A safe text said twice is then worth more than a second one
    that may be wrong, and a combination that nobody sells passes for a different text: policies learn both.
    """
    query_text = query.strip().lower()
    if not literal:
        kept = [
            value if there and text not in rewrites[:i] else 0.0
            for i, (text, value, there) in enumerate(zip(rewrites, kept, found, strict=True))
        ]
    passes = [value >= GATE for value in kept]
    distances = 0.0
    apart = [0.0] * len(rewrites)  # of each text, the gated distances to those before it
    for i, j in combinations(range(len(rewrites)), 2):
        a, b = rewrites[i], rewrites[j]
        alike = 1.0 if a == b or query_text in (a.strip().lower(), b.strip().lower()) else similar(a, b)
        distances += 1 - alike
        if passes[i] and passes[j]:
            apart[j] += 1 - alike
    pairs = n * (n - 1) / 2
    given = len(rewrites) * (len(rewrites) - 1) / 2
    aligned = [a if passed else 0.0 for a, passed in zip(product_like, passes, strict=True)]
    apart = [value / pairs if pairs else 0.0 for value in apart]
    parts = tuple(
        weights.relevance * k / n + weights.alignment * a / n + weights.diversity * d
        for k, a, d in zip(kept, aligned, apart, strict=True)
    )
    return Reward(
        relevance=sum(kept) / n,
        alignment=sum(aligned) / n,
        diversity=sum(apart),
        total=sum(parts),
        similarity=1 - distances / given if given else 0.0,
        parts=parts,
    )


class Rewards:
    """Scores lists, many at once: one call of the judge, one of the encoder, one round trip to the engine.

    `weights` and `literal` (as `combined` has it, at first False) may be set between two calls.
    """

    def __init__(
        self, *, judge: KeepsIntent, titles: TitleModel, coverage: Coverage, likeness: Likeness, weights: RewardWeights
    ) -> None:
        self._judge = judge
        self._titles = titles
        self._coverage = coverage
        self._likeness = likeness
        self.weights = weights
        self.literal = False

    def score(self, lists: Sequence[tuple[str, tuple[str, ...]]], *, n: int) -> list[Reward]:
        """The reward of each (query, rewrites), in order; a list has at most `n` rewrites."""
        texts = [text for _, rewrites in lists for text in rewrites]
        self._coverage.look_up(texts)
        self._likeness.look_up(texts)
        kept = iter(self._judge.score([(query, text) for query, rewrites in lists for text in rewrites]))
        return [
            combined(
                query,
                rewrites,
                n=n,
                kept=[next(kept) for _ in rewrites],
                product_like=[0.5 * self._coverage.score(t) + 0.5 * self._titles.score(t) for t in rewrites],
                found=[self._coverage.score(t) > 0 for t in rewrites],
                similar=self._likeness.of,
                weights=self.weights,
                literal=self.literal,
            )
            for query, rewrites in lists
        ]
