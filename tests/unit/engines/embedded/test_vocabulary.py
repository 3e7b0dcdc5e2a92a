from __future__ import annotations

import random

from multirecall.engines.embedded.vocabulary import MAX_VARIANTS, Vocabulary
from multirecall.engines.exact.lexical import edit_distance


class _Terms:
    """Stands for tantivy's searcher, of which the vocabulary asks for terms with a prefix only."""

    def __init__(self, terms: dict[str, int]) -> None:
        self.terms = terms
        self.asked = 0

    def terms_with_prefix(self, field: str, prefix: str) -> list[tuple[str, int]]:
        self.asked += 1
        return [(term, n) for term, n in self.terms.items() if term.startswith(prefix)]


def _random_words(seed: int, n: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choice("abcdé1") for _ in range(rng.randrange(1, 13))) for _ in range(n)]


def test_variants_are_those_of_the_edit_distance() -> None:
    terms = {word: position for position, word in enumerate(_random_words(1, 3_000))}
    vocabulary, searcher = Vocabulary(), _Terms(terms)
    compared = 0
    for word in _random_words(2, 200):
        limit = 1 if len(word) <= 7 else 2
        expected = sorted(
            (distance, -n, term)
            for term, n in terms.items()
            if term[0] == word[0] and term != word
            if (distance := edit_distance(word, term, limit)) <= limit and distance < len(word)
        )
        found = vocabulary.variants(searcher, "title_text", word)
        assert found == [(term, distance, -n) for distance, n, term in expected[:MAX_VARIANTS]]
        compared += len(found)
    assert compared > 200
    assert searcher.asked <= len(set("abcdé1"))  # once per letter


def test_swapped_neighbours_are_one_edit() -> None:
    searcher = _Terms({"printer": 5, "pirnter": 1, "painter": 2, "rpinter": 1})
    assert Vocabulary().variants(searcher, "f", "pritner") == [("printer", 1, 5)]


def test_a_long_word_and_one_letter_raise_nothing() -> None:
    searcher = _Terms({"a": 1, "ab": 2, "a" * 400: 1})
    assert Vocabulary().variants(searcher, "f", "a") == []
    assert Vocabulary().variants(searcher, "f", "a" * 401) == [("a" * 400, 1, 1)]
