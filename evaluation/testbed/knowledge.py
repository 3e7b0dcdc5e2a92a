"""Knowledge concepts: needs, refusals, replacements and scenes that name no product, and what answers them.

The file `data/knowledge-*.toml` holds, for each kind, `key = { say = [...], find = [...] }`. A `find` entry is a type
key followed by demands: `office_chair function=lumbar support`, `coffee_machine function!=capsule`, `sofa price=low`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.meaning import Answer, Constraint, Meaning, Operator
from multirecall.evaluation.testbed.splits import split_by_rank
from multirecall.evaluation.testbed.world import World, read_table

__all__ = ["KINDS", "Concept", "load_concepts", "surface_words"]

KINDS = ("question", "negation", "alternative", "scene")
_DEMAND = re.compile(r" (?=[a-z_]+!?=)")
_WORD = re.compile(r"[^\W_]+")
_STOP_TEXT = """
a about after against all am an and any are as at be because before by can do does down during each every
for from get getting go goes going had has have how i if in into is it its itself me my no not of off on one
or our out over own per so than that the their them then there these they this those through to too under
until up us was we what when where which while who why will with without would you your
"""
STOP_WORDS = frozenset(_STOP_TEXT.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One piece of shopping knowledge. `say`: wordings, none of which uses a content word of any title."""

    key: str
    kind: str
    say: tuple[str, ...]
    meaning: Meaning
    split: str

    def to_dict(self) -> dict[str, Any]:
        """The concept as `concepts.json` holds it."""
        return {
            "concept": self.key,
            "kind": self.kind,
            "split": self.split,
            "say": list(self.say),
            "surface_words": sorted({word for text in self.say for word in surface_words(text)}),
            "answers": self.meaning.to_list(),
        }


def surface_words(text: str) -> list[str]:
    """The content words of a wording, lower case, in order: all but stop words and single letters."""
    return [w for w in _WORD.findall(text.lower()) if w not in STOP_WORDS and len(w) > 1]


def load_concepts(world: World) -> tuple[Concept, ...]:
    """All concepts, checked against the world's types and values, in a fixed order."""
    concepts = []
    for kind in KINDS:
        table = read_table(f"knowledge-{kind}")
        splits = split_by_rank(list(table))
        for key, row in table.items():
            answers = tuple(_answer(world, key, text) for text in row["find"])
            concepts.append(
                Concept(key=key, kind=kind, say=tuple(row["say"]), meaning=Meaning(answers=answers), split=splits[key])
            )
    return tuple(concepts)


def _answer(world: World, key: str, text: str) -> Answer:
    type_key, *demands = _DEMAND.split(text)
    t = world.type(type_key)
    constraints = []
    for demand in demands:
        name, value = demand.split("=", 1)
        refused = name.endswith("!")
        name = name.rstrip("!")
        if name == "price":
            constraints.append(Constraint(attribute="price", op="at most", value=t.low_price_minor))
            continue
        slot = t.slot(name)
        if slot is None or value not in t.attributes[slot].values:
            raise InvalidInput(f"concept {key}: {type_key} has no {name}={value}", hint="Use one of its values.")
        op: Operator = "is not" if refused else "is"
        constraints.append(Constraint(attribute=name, op=op, value=value, hard=refused or name == "audience"))
    return Answer(types=(type_key,), constraints=tuple(constraints))
