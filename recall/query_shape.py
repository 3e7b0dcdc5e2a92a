"""What can be seen of a query before anything is asked: few plain numbers, each with a name that people understand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from multirecall.core.codes import looks_like_part_number
from multirecall.core.language import UNCLEAR, guess_language
from multirecall.core.query import Query
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.segments import DERIVED

__all__ = ["SHAPE", "QueryShape", "ShapeFeature"]

_LONGEST_BRAND = 3  # words


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeFeature:
    """One number of a query, 0 or more and whole. `one` and `many` name what is counted; empty: it is yes or no."""

    name: str
    description: str
    one: str = ""
    many: str = ""


SHAPE: Sequence[ShapeFeature] = (
    ShapeFeature(name="words", description="words between spaces", one="word", many="words"),
    ShapeFeature(name="characters", description="characters", one="character", many="characters"),
    ShapeFeature(name="part_number", description="1 if a word is written like a part number (segment part_number)"),
    ShapeFeature(
        name="long_codes", description="codes of 3 digits with a letter, or of 6", one="long code", many="long codes"
    ),
    ShapeFeature(name="numbers", description="words with a digit", one="word with a digit", many="words with a digit"),
    ShapeFeature(
        name="plain_words", description="words of letters alone", one="word of letters", many="words of letters"
    ),
    ShapeFeature(name="sentence", description="1 if it is a need or a question (segment phrasing)"),
    ShapeFeature(name="foreign", description="1 if its language is guessed, and is not English (segment language)"),
    ShapeFeature(name="known_brand", description="1 if it names a brand of the catalogue"),
)
"""The features in their order. The segments are those of evaluations: a rule can be checked in a table of figures."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryShape:
    """Sees the features of `SHAPE`; `brands` are the catalogue's brands in lower case."""

    brands: Set[str] = frozenset()

    def __call__(self, query: Query) -> Mapping[str, float]:
        """The value of each feature by name. Costs some 30 microseconds."""
        return {feature.name: _SEEN[feature.name](query, self) for feature in SHAPE}

    def value(self, name: str, query: Query) -> float:
        """One feature alone. Raises KeyError for a name that SHAPE does not have."""
        return _SEEN[name](query, self)

    def names_brand(self, text: str) -> bool:
        """Whether one to three neighbouring words of the text are a brand."""
        words = [word.strip(".,!?\"'()").lower() for word in text.split()]
        return any(
            " ".join(words[start : start + n]) in self.brands
            for n in range(1, _LONGEST_BRAND + 1)
            for start in range(len(words) - n + 1)
        )


def _segment(family: str, query: Query) -> str:
    return DERIVED[family][0](JudgedQuery(qid="", text=query.text))


def _has_digit(word: str) -> bool:
    return any(char.isdigit() for char in word)


_SEEN: Mapping[str, Callable[[Query, QueryShape], float]] = {
    "words": lambda query, _: float(len(query.text.split())),
    "characters": lambda query, _: float(len(query.text)),
    "part_number": lambda query, _: float(_segment("part_number", query) == "with a part number"),
    "long_codes": lambda query, _: float(sum(map(looks_like_part_number, query.codes))),
    "numbers": lambda query, _: float(sum(map(_has_digit, query.text.split()))),
    "plain_words": lambda query, _: float(sum(word.isalpha() for word in query.text.split())),
    "sentence": lambda query, _: float(_segment("phrasing", query) != "keywords"),
    "foreign": lambda query, _: float(guess_language(query.text) not in ("en", UNCLEAR)),
    "known_brand": lambda query, shape: float(shape.names_brand(query.text)),
}
