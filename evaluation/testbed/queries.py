"""Queries with their meaning, from products, tables and concepts. Every query has at least one exact product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.knowledge import Concept
from multirecall.evaluation.testbed.meaning import Answer, Meaning
from multirecall.evaluation.testbed.phrasing import Phrasing, Request
from multirecall.evaluation.testbed.splits import SPLIT_SHARES, SPLITS, split_of
from multirecall.evaluation.testbed.world import read_table

__all__ = ["CLASS_SHARES", "TestQuery", "draw_queries"]

CLASS_SHARES = {
    "head": 0.08,
    "torso": 0.19,
    "tail": 0.17,
    "misspelled": 0.10,
    "synonym": 0.10,
    "model": 0.08,
    "knowledge": 0.16,
    "foreign": 0.06,
    "attribute_unit": 0.06,
}
_TRIES = 60  # draws per wanted query before a class counts as used up


@dataclass(frozen=True, slots=True, kw_only=True)
class TestQuery:
    """One query. `concept` is what its split hangs on: a knowledge concept, a word pair or the meaning itself."""

    text: str
    cls: str
    split: str
    concept: str
    template: str
    meaning: Meaning
    subtype: str | None = None
    qid: str = ""
    tier: str = ""
    frequency: int = 0


def draw_queries(
    grader: Grader, phrasing: Phrasing, concepts: tuple[Concept, ...], *, wanted: int, seed: int
) -> list[TestQuery]:
    """Up to `wanted` queries with different texts, in a drawn order, with ids.

    What a class cannot give (a small catalogue has few types and part numbers), torso, tail and knowledge make up
    for as far as they can.
    """
    maker = _Maker(grader, phrasing, concepts, seed)
    out: list[TestQuery] = []
    for cls, part in CLASS_SHARES.items():
        for split in SPLITS:
            out.extend(maker.take(cls, split, round(wanted * part * SPLIT_SHARES[split])))
    for cls in ("torso", "tail", "knowledge"):
        missing = wanted - len(out)
        for split in SPLITS:
            out.extend(maker.take(cls, split, round(missing * SPLIT_SHARES[split])))
    shuffled = Dice(seed, "query order").shuffled(out[:wanted])
    return [replace(query, qid=f"q{i:05d}") for i, query in enumerate(shuffled)]


class _Maker:
    def __init__(self, grader: Grader, phrasing: Phrasing, concepts: tuple[Concept, ...], seed: int) -> None:
        self._grader = grader
        self._phrasing = phrasing
        self._concepts = concepts
        self._seed = seed
        self._taken: dict[str, str] = {}
        self._rounds = 0

    def take(self, cls: str, split: str, n: int) -> list[TestQuery]:
        """Up to n queries of a class and split that were not given before."""
        self._rounds += 1
        if n <= 0:
            return []
        if cls == "knowledge":
            source = self._knowledge(split, n)
        elif cls == "head":
            source = self._head(split)
        else:
            source = self._drawn(cls, split, n * _TRIES)
        out: list[TestQuery] = []
        for query in source:
            if query.text not in self._taken and len(self._grader.grade(query.meaning).exact):
                self._taken[query.text] = query.cls
                out.append(query)
                if len(out) == n:
                    break
        return out

    def _head(self, split: str) -> Iterator[TestQuery]:
        world = self._phrasing.world
        table = read_table("templates")
        names = set(table["categories"]["names"])
        found: list[TestQuery] = []
        groups: dict[str, list[str]] = {}
        for t in world.types:
            for level in t.path[1:]:
                if level in names:
                    groups.setdefault(level, []).append(t.key)
        for template in table["head"][split]:
            if "{category}" in template:
                subjects = [({"category": name.lower()}, tuple(sorted(set(keys)))) for name, keys in groups.items()]
            else:
                subjects = [({"type": t.name.lower(), "types": t.plural.lower()}, (t.key,)) for t in world.types]
            for words, keys in subjects:
                meaning = Meaning(answers=(Answer(types=keys),))
                if split_of(meaning.signature) == split:
                    text = template.format_map(words)
                    found.append(
                        TestQuery(
                            text=text,
                            cls="head",
                            split=split,
                            concept=meaning.signature,
                            template=f"head: {template}",
                            meaning=meaning,
                        )
                    )
        yield from Dice(self._seed, f"head/{split}/{self._rounds}").shuffled(found)

    def _drawn(self, cls: str, split: str, tries: int) -> Iterator[TestQuery]:
        dice = Dice(self._seed, f"{cls}/{split}/{self._rounds}")
        templates: list[str] = self._phrasing.templates[cls][split]
        for _ in range(tries):
            template = dice.pick(templates)
            request: Request | None = self._phrasing.request(cls, template, split, dice)
            if request is None or split_of(request.meaning.signature) != split:
                continue
            yield TestQuery(
                text=request.text,
                cls=cls,
                split=split,
                concept=request.concept or request.meaning.signature,
                template=f"{cls}: {template}",
                meaning=request.meaning,
                subtype=request.subtype,
            )

    def _knowledge(self, split: str, n: int) -> Iterator[TestQuery]:
        found = [
            TestQuery(
                text=template.format(say=say).lower(),
                cls="knowledge",
                split=split,
                concept=concept.key,
                template=f"{concept.kind}: {template}",
                meaning=concept.meaning,
                subtype=concept.kind,
            )
            for concept in self._concepts
            if concept.split == split
            for template in self._phrasing.templates["knowledge"][concept.kind][split]
            for say in concept.say
        ]
        yield from Dice(self._seed, f"knowledge/{split}/{self._rounds}").shuffled(found)
