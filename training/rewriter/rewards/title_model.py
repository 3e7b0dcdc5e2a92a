"""How product-like a text is: a trigram model of titles and attribute values, set against typical queries."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from multirecall.core.errors import InvalidInput

__all__ = ["TitleModel", "words_of"]

_WORD = re.compile(r"[^\W_]+")
_START, _END = "<s>", "</s>"


def words_of(text: str) -> list[str]:
    """Lower-case runs of letters and digits."""
    return _WORD.findall(text.lower())


class TitleModel:
    """Interpolated trigrams with add-k, in natural logarithms.

    p(w | u v) = (c(uvw) + k b) / (c(uv) + k), with b the bigram probability made in the same way of the unigram one,
    and that one with add-one over the vocabulary and one unknown word. So every context's probabilities sum to 1, and
    a context never seen falls back to the shorter one.
    """

    def __init__(self, texts: Iterable[str], *, k: float = 1.0) -> None:
        self._k = k
        self._grams: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter(), Counter())
        self._contexts: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter(), Counter())
        for text in texts:
            words = words_of(text)
            if words:
                tokens = [_START, _START, *words, _END]
                for at in range(2, len(tokens)):
                    for size in range(3):
                        gram = tuple(tokens[at - size : at + 1])
                        self._grams[size][gram] += 1
                        self._contexts[size][gram[:-1]] += 1
        if not self._grams[0]:
            raise InvalidInput("There are no titles to learn from.", hint="Index a catalogue first.", field="titles")
        self._mean, self._deviation = 0.0, 1.0

    def probability(self, word: str, before: Sequence[str]) -> float:
        """p(word | the last two of `before`)."""
        unigrams = self._grams[0]
        p = (unigrams[(word,)] + 1) / (self._contexts[0][()] + len(unigrams) + 1)
        for size in (1, 2):
            context = tuple(before[len(before) - size :])
            p = (self._grams[size][(*context, word)] + self._k * p) / (self._contexts[size][context] + self._k)
        return p

    def mean_log(self, text: str) -> float:
        """Mean log probability of the text's words; -inf for a text without words.

        The end is not asked for: a query stops where a title goes on, and that is no fault of it.
        """
        words = words_of(text)
        if not words:
            return -math.inf
        tokens = [_START, _START, *words]
        total = sum(math.log(self.probability(tokens[at], tokens[at - 2 : at])) for at in range(2, len(tokens)))
        return total / len(words)

    def set_against(self, queries: Sequence[str]) -> None:
        """Takes mean and (population) deviation from real head queries: a typical one then scores 0.5."""
        values = [value for value in map(self.mean_log, queries) if math.isfinite(value)]
        if len(values) < 2:
            raise InvalidInput("At least two head queries are needed to scale the title model.", field="head_queries")
        self._mean = math.fsum(values) / len(values)
        self._deviation = max(1e-6, math.sqrt(math.fsum((v - self._mean) ** 2 for v in values) / len(values)))

    def score(self, text: str) -> float:
        """sigmoid((mean_log - mean) / deviation), in 0..1; 0 for a text without words."""
        z = (self.mean_log(text) - self._mean) / self._deviation
        return 1 / (1 + math.exp(-z)) if z > -700 else 0.0
