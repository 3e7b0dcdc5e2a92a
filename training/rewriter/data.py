"""What the rewriter is taught: queries (needs) with lists of shop-style rewrites, of concepts and the assortment.

The teacher is the knowledge itself: `find` texts of a concept, drawn anew for every copy of a query, so that the model
learns a distribution over good lists that reinforcement learning can then move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.draws import Dice, share
from multirecall.evaluation.testbed.splits import split_by_rank
from multirecall.evaluation.testbed.typos import misspell
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.training.rewriter.templates import HELD_OUT_TEMPLATES, PRACTICE_TEMPLATES, REWRITER_TEMPLATES

__all__ = [
    "SEPARATOR", "Assortment", "Example", "Need", "Needs", "concept_needs", "examples", "plain_needs", "read_list",
    "split_needs",
]  # fmt: skip

SEPARATOR = " | "
Assortment = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Product type (as titles say it) to attribute to values, lower case, commonest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A query, and texts that a shop finds the right products by, best first. `concept`: what its split hangs on."""

    text: str
    kind: str
    concept: str
    template: str
    finds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Needs to learn from, and two sets that nothing is learned from: known concepts in unknown words (a held-out
    template or a held-out wording), and unknown concepts.

    `train` has lists; `practice` is the same concepts in further sentences, asked in reinforcement alone.
    """

    train: tuple[Need, ...]
    practice: tuple[Need, ...]
    unseen_phrasing: tuple[Need, ...]
    unseen_concept: tuple[Need, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A pair of supervised fine-tuning: the query, and a list of rewrites as one text."""

    query: str
    rewrites: str


def concept_needs(concepts: Iterable[Concept], templates: Mapping[str, Sequence[str]]) -> Iterator[Need]:
    """Every wording of every concept in every template of its kind."""
    for concept in concepts:
        for template in templates[concept.kind]:
            for say in concept.say:
                yield Need(
                    text=template.format(say=say).lower(),
                    kind=concept.kind,
                    concept=concept.key,
                    template=template,
                    finds=concept.find,
                )


def split_needs(
    concepts: Sequence[Concept],
    *,
    held_out: Sequence[Concept] | None = None,
    templates: Mapping[str, Sequence[str]] = REWRITER_TEMPLATES,
    practice_templates: Mapping[str, Sequence[str]] = PRACTICE_TEMPLATES,
    test_templates: Mapping[str, Sequence[str]] = HELD_OUT_TEMPLATES,
) -> Needs:
    """The split by concept, wording and template.

    `held_out` None holds out 30 % of the concepts by the hash of their keys; otherwise all `concepts` are learned from.
    Of a third of the learned concepts with several wordings the last wording is held out too. A text that several
    concepts or sets give stays with the tests alone: it is taken out of `train` and `practice`, and one that `train`
    has out of `practice`.
    """
    if held_out is None:
        of = split_by_rank([f"{c.kind}/{c.key}" for c in concepts])
        concepts, held_out = (
            [c for c in concepts if of[f"{c.kind}/{c.key}"] != "test"],
            [c for c in concepts if of[f"{c.kind}/{c.key}"] == "test"],
        )
    taught, kept = [], []
    for c in concepts:
        cut = len(c.say) - (len(c.say) > 1 and share("held-out say/" + c.key) < 1 / 3)
        taught.append(Concept(key=c.key, kind=c.kind, say=c.say[:cut], find=c.find))
        if cut < len(c.say):
            kept.append(Concept(key=c.key, kind=c.kind, say=c.say[cut:], find=c.find))
    phrasing = [*concept_needs(taught, test_templates), *concept_needs(kept, test_templates)]
    unseen = list(concept_needs(held_out, test_templates))
    tested = {need.text for need in (*phrasing, *unseen)}
    train = tuple(need for need in concept_needs(taught, templates) if need.text not in tested)
    known = tested | {need.text for need in train}
    practice = tuple(need for need in concept_needs(taught, practice_templates) if need.text not in known)
    return Needs(train=train, practice=practice, unseen_phrasing=tuple(phrasing), unseen_concept=tuple(unseen))


def plain_needs(
    assortment: Assortment, *, wanted: int, seed: int, avoid: frozenset[str] = frozenset()
) -> tuple[Need, ...]:
    """Queries that need no knowledge: types, types with a value, the same misspelled, and refused values.

    Without them the model would rewrite "laser printer" into whatever concept is nearest. Texts in `avoid` are never
    made. Up to `wanted`, fewer if the assortment gives no more.
    """
    things = sorted(t for t, attributes in assortment.items() if attributes)
    if not things:
        raise InvalidInput("No product type has attribute values.", hint="Index a catalogue with attributes.")
    dice = Dice(seed, "plain needs")
    out: dict[str, Need] = {}
    for _ in range(wanted * 4):
        if len(out) == wanted:
            break
        thing = dice.pick(things)
        attribute = dice.pick(sorted(assortment[thing]))
        values = assortment[thing][attribute]
        value = dice.pick(values)
        need = _plain_need(thing, value, values, assortment[thing], dice)
        if need is not None and need.text not in avoid:
            out.setdefault(need.text, need)
    return tuple(out.values())


def _plain_need(
    thing: str, value: str, values: Sequence[str], attributes: Mapping[str, tuple[str, ...]], dice: Dice
) -> Need | None:
    open_values = [v for vs in attributes.values() if value not in vs for v in vs[:3]]
    asked = [f"{value} {thing}", f"{thing} {value}", *(f"{v} {value} {thing}" for v in open_values)]
    kind = dice.pick(("head", "plain", "plain", "misspelled", "refusal"))
    text: str | None
    if kind == "head":
        text, finds = thing, [thing, *(f"{v} {thing}" for vs in attributes.values() for v in vs[:3])]
    elif kind == "refusal":
        text = f"{thing} {dice.pick(('without', 'but not', 'no'))} {value}"
        finds = [f"{v} {thing}" for v in values if v != value and value not in v]
    else:
        text, finds = dice.pick((f"{value} {thing}", f"{thing} {value}", f"{thing} with {value}")), asked
        if kind == "misspelled":
            text = misspell(text, dice)
    if text is None or not finds:
        return None
    return Need(text=text, kind=kind, concept=f"{thing}; {value}", template=f"{kind}: assortment", finds=tuple(finds))


def examples(needs: Sequence[Need], *, n: int, copies: int, seed: int) -> list[Example]:
    """`copies` examples per need, each with up to `n` drawn rewrites, none of which is the query; in a drawn order."""
    out = []
    for copy in range(copies):
        for i, need in enumerate(needs):
            chosen = _drawn(need, n, Dice(seed, f"list/{copy}/{i}"))
            if chosen:
                out.append(Example(query=need.text, rewrites=SEPARATOR.join(chosen)))
    return Dice(seed, "examples").shuffled(out)


def _drawn(need: Need, n: int, dice: Dice) -> list[str]:
    finds = [text for text in need.finds if text != need.text]
    head, rest = finds[:n], finds[n:]
    pool = [*head, *dice.shuffled(rest)[: n // 2]]  # the best are drawn twice as often as the others
    return dice.shuffled(pool)[:n]


def read_list(text: str, *, n: int) -> tuple[str, ...]:
    """The rewrites of one generation: at most `n`, in order, duplicates kept (the rewards punish them)."""
    parts = (" ".join(part.split()) for part in text.split(SEPARATOR.strip()))
    return tuple(part for part in parts if part)[:n]
