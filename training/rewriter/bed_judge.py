"""A judge of rewrites that knows the truth of the generated shop. No reward sees it; it reads no training data.

A rewrite is read as a shop would: product type, then values of that type's attributes, "without" before a refused one.
It is right if it names products and nearly all of them are good (grade 2 or 3) for the query's meaning.
"""

from __future__ import annotations

import re

import numpy as np

from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.knowledge import load_concepts
from multirecall.evaluation.testbed.meaning import Answer, Constraint, Meaning
from multirecall.evaluation.testbed.world import ProductType, World, read_table

__all__ = ["NEARLY_ALL", "BedJudge", "bed_meanings"]

NEARLY_ALL = 0.9
_REFUSING = re.compile(r"\b(?:without|not|no|non)\W+$")


def bed_meanings(world: World) -> dict[str, Meaning]:
    """What each concept asks for, by the keys of `bed_concepts`, of all splits."""
    out = {concept.key: concept.meaning for concept in load_concepts(world)}
    for key, words in read_table("synonyms")["type"].items():
        for word in words:
            out[f"slang:{word}"] = Meaning(answers=(Answer(types=(key,)),))
    return out


class BedJudge:
    """Judges texts against meanings by the products they stand for."""

    def __init__(self, grader: Grader, world: World) -> None:
        self._grader = grader
        self._types: list[tuple[str, ProductType]] = sorted(
            ((name.lower(), t) for t in world.types for name in (t.name, t.plural)), key=lambda item: -len(item[0])
        )
        self._good: dict[str, frozenset[int]] = {}
        self._named: dict[str, frozenset[int]] = {}

    def read(self, text: str) -> Meaning | None:
        """What a text asks for; None if it names no product type of the shop."""
        text = " ".join(text.lower().split())
        found = next(((name, t) for name, t in self._types if _holds(text, name)), None)
        if found is None:
            return None
        name, t = found
        rest = text.replace(name, " ; ", 1)
        constraints = []
        values = [(value, a.name) for a in t.attributes for value in a.values]
        for value, attribute in sorted(values, key=lambda item: -len(item[0])):
            match = re.search(rf"(?<!\w){re.escape(value.lower())}(?!\w)", rest)
            if match:
                refused = bool(_REFUSING.search(rest[: match.start()]))
                constraints.append(Constraint(attribute=attribute, op="is not" if refused else "is", value=value))
                rest = rest[: match.start()] + ";" + rest[match.end() :]
        return Meaning(answers=(Answer(types=(t.key,), constraints=tuple(constraints)),))

    def share_good(self, text: str, meaning: Meaning) -> float:
        """Of the products that the text names, the share with grade 2 or 3 for the meaning; 0 if it names none."""
        named = self._products(text)
        if not named:
            return 0.0
        key = meaning.signature
        if key not in self._good:
            graded = self._grader.grade(meaning)
            self._good[key] = frozenset(np.concatenate([graded.exact, graded.substitute]).tolist())
        return len(named & self._good[key]) / len(named)

    def right(self, text: str, meaning: Meaning) -> bool:
        """Whether a shopper with this meaning would be served by the text."""
        return self.share_good(text, meaning) >= NEARLY_ALL

    def _products(self, text: str) -> frozenset[int]:
        if text not in self._named:
            read = self.read(text)
            self._named[text] = frozenset() if read is None else frozenset(self._grader.grade(read).exact.tolist())
        return self._named[text]


def _holds(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
