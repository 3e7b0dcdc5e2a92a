from __future__ import annotations

import random

from multirecall.engines.embedded.vocabulary import MAX_VARIANTS, Vocabulary, nearest_in_field
from multirecall.engines.exact.lexical import edit_distance


class _Terms:
    """Stands for tantivy's searcher, of which the vocabulary asks for terms and their counts only."""

    def __init__(self, fields: dict[str, dict[str, int]]) -> None:
        self.fields = fields
        self.asked = 0

    def terms_with_prefix(self, field: str, prefix: str) -> list[tuple[str, int]]:
        self.asked += 1
        return [(term, n) for term, n in self.fields[field].items() if term.startswith(prefix)]

    def doc_freq(self, field: str, term: str) -> int:
        self.asked += 1
        return self.fields[field].get(term, 0)


def _random_words(seed: int, n: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choice("abcdé1") for _ in range(rng.randrange(1, 13))) for _ in range(n)]


def test_variants_are_those_of_the_edit_distance_in_each_field() -> None:
    fields = {
        name: {word: n for n, word in enumerate(_random_words(seed, 3_000), start=1)}
        for name, seed in (("title_text", 1), ("brand_text", 2))
    }
    vocabulary, searcher = Vocabulary(list(fields)), _Terms(fields)
    compared = 0
    for word in _random_words(3, 200):
        limit = 1 if len(word) <= 7 else 2
        variants = vocabulary.variants(searcher, word)
        for position, terms in enumerate(fields.values()):
            expected = sorted(
                (distance, -n, term)
                for term, n in terms.items()
                if term[0] == word[0] and term != word
                if (distance := edit_distance(word, term, limit)) <= limit and distance < len(word)
            )
            found = nearest_in_field(variants, position)
            assert [(v.distance, -v.holding[position], v.term) for v in found] == expected[:MAX_VARIANTS]
            compared += len(found)
    assert compared > 400
    assert searcher.asked <= len(fields) * len(set("abcdé1"))  # once per letter and field


def test_holding_is_the_same_before_and_after_a_letter_is_read() -> None:
    searcher = _Terms({"title_text": {"printer": 5, "paper": 2}, "brand_text": {"printer": 1, "p": 3}})
    vocabulary = Vocabulary(["title_text", "brand_text"])
    words = ("printer", "paper", "p", "pad")
    before = [vocabulary.holding(searcher, word) for word in words]
    assert before == [(5, 1), (2, 0), (0, 3), (0, 0)]
    vocabulary.variants(searcher, "pan")
    asked = searcher.asked
    assert [vocabulary.holding(searcher, word) for word in words] == before
    assert searcher.asked == asked


def test_swapped_neighbours_are_one_edit() -> None:
    searcher = _Terms({"f": {"printer": 5, "pirnter": 1, "painter": 2, "rpinter": 1}})
    assert Vocabulary(["f"]).variants(searcher, "pritner") == [("printer", 1, (5,))]


def test_a_long_word_and_one_letter_raise_nothing() -> None:
    searcher = _Terms({"f": {"a": 1, "ab": 2, "a" * 400: 1}})
    assert Vocabulary(["f"]).variants(searcher, "a") == []
    assert Vocabulary(["f"]).variants(searcher, "a" * 401) == [("a" * 400, 1, (1,))]
