"""The generated shop's knowledge as plain concepts: wordings, and the shop-style queries that answer them.

The shop's own concepts hold typed answers; a rewriter learns from texts. `find` names a type and what the concept asks
of it, then the same with one more property that the concept leaves open, so that there is something to choose from. A
refusal becomes the values that are left. A price limit is not said: no title names one, and a text cannot ask for it.
"""

from __future__ import annotations

from multirecall.evaluation.testbed.knowledge import load_concepts
from multirecall.evaluation.testbed.meaning import Answer
from multirecall.evaluation.testbed.splits import split_of
from multirecall.evaluation.testbed.world import WHO, ProductType, World, read_table
from multirecall.recall.rewriters.knowledge import Concept

__all__ = ["MAX_FINDS", "bed_assortment", "bed_concepts", "finds_of"]

MAX_FINDS = 14
_OPEN_VALUES = 3  # values of each property that the concept leaves open


def bed_concepts(world: World, *, split: str) -> tuple[Concept, ...]:
    """The concepts of one split (`train`, `dev`, `test`), in a fixed order.

    Word pairs of the shop's synonym table are concepts of kind `slang`; their keys begin with `slang:`.
    """
    out = [
        Concept(key=c.key, kind=c.kind, say=c.say, find=finds_of(world, c.meaning.answers))
        for c in load_concepts(world)
        if c.split == split
    ]
    table = read_table("synonyms")
    for key, words in table["type"].items():
        for word in words:
            if split_of(f"{word} = {key}") == split:
                finds = finds_of(world, (Answer(types=(key,)),))
                out.append(Concept(key=f"slang:{word}", kind="slang", say=(word,), find=finds))
    return tuple(out)


def bed_assortment(world: World) -> dict[str, dict[str, tuple[str, ...]]]:
    """Product type to attribute to values, all lower case: for plain queries and the pairs of the keep judge."""
    return {
        t.name.lower(): {a.name: tuple(v.lower() for v in a.values) for a in t.attributes if a.name not in WHO}
        for t in world.types
    }


def finds_of(world: World, answers: tuple[Answer, ...]) -> tuple[str, ...]:
    """Shop-style queries for these answers, best first: what is asked, then the same with an open property."""
    asked: list[str] = []
    turned: list[str] = []
    opened: list[str] = []
    for answer in answers:
        for key in answer.types:
            t = world.type(key)
            for demands in _demands(t, answer):
                asked.append(" ".join([*demands, t.name.lower()]))
                turned.append(" ".join([t.name.lower(), *demands]))
            first = _demands(t, answer)[0]
            named = {c.attribute for c in answer.constraints}
            for attribute in t.attributes:
                if attribute.name not in named and attribute.name not in WHO:
                    for value in attribute.values[:_OPEN_VALUES]:
                        opened.append(" ".join([value.lower(), *first, t.name.lower()]))
    # One opened text of each answer in turn would be ideal; a stride over them comes near and needs no bookkeeping.
    stride = max(1, len(opened) // MAX_FINDS)
    return tuple(dict.fromkeys([*asked, *opened[::stride], *turned]))[:MAX_FINDS]


def _demands(t: ProductType, answer: Answer) -> list[list[str]]:
    """The values to name, one list for each way to meet the answer (a refusal has several)."""
    ways: list[list[str]] = [[]]
    for c in answer.constraints:
        slot = t.slot(c.attribute)
        if slot is None or c.attribute == "price":
            continue
        values = [v for v in t.attributes[slot].values if v != c.value] if c.op == "is not" else [str(c.value)]
        ways = [[*way, value.lower()] for value in values for way in ways]
    return ways
