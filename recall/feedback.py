"""Pseudo-feedback: the words that the first products for a query share, as one more rewriting of it.

After InteR (Feng et al., 2024), in which search and rewriting take turns; here without a model, as RM3 does it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting

__all__ = ["FEEDBACK_CONFIDENCE", "feedback_rewriting"]

FEEDBACK_CONFIDENCE = 0.4
"""The first products are right about as often as not, and their words say no more than they do."""

_MOST_WORDS = 4
_SHARED_BY = 0.5
_MIN_CHARS = 3


def feedback_rewriting(text: str, match_texts: Iterable[str]) -> Rewriting | None:
    """The query with up to four words that half of the products or more have in their titles; None if there are none.

    `match_texts` are the stored texts of the products (`core/match_text.py`). Words by how many share them, then in
    the order of the alphabet; numbers and words of the query are none.
    """
    titles = [frozenset(one.split("\t", 1)[0].split()) for one in match_texts]
    said = text.casefold()
    counts = Counter(
        word for title in titles for word in title if word.isalpha() and len(word) >= _MIN_CHARS and word not in said
    )
    wanted = max(2.0, _SHARED_BY * len(titles))
    shared = sorted((word for word, n in counts.items() if n >= wanted), key=lambda word: (-counts[word], word))
    words = shared[:_MOST_WORDS]
    expanded = " ".join((text, *words))
    if not words or len(expanded) > MAX_REWRITING_CHARS:
        return None
    log = (f"+ {' '.join(words)} (in the first {len(titles)} products)",)
    return Rewriting(text=expanded, by="feedback", confidence=FEEDBACK_CONFIDENCE, log=log)
