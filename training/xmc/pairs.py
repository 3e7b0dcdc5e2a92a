"""Texts with the products that answer them: what the catalogue itself can teach, and what people judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.typos import misspell
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.tuning.queries import count_kinds, kind_of
from multirecall.training.tuning.sampling import SampledProduct

__all__ = ["catalogue_pairs", "judged_pairs"]

_WORD = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_SLIPS = 0.15
_MAX_CODES = 2
_MAX_WORDS = 60


def catalogue_pairs(
    products: Sequence[SampledProduct],
    *,
    described: Mapping[str, Sequence[str]] = MappingProxyType({}),
    pieces: int = 3,
    seed: int = 0,
) -> Iterator[tuple[str, str]]:
    """(text, product id): of each product its title and codes, its kind, the kind with brand and with values, and
    `pieces` of two to four words of its title; some with a slip.

    `described`: by id further words of a product, as of attributes and description. They give one text of all, and
    `pieces` of two to four words drawn of them and the title's, as a shopper would name what matters alone.
    """
    kinds = count_kinds(products)
    dice = Dice(seed, "xmc pairs")
    for product in products:
        kind = kind_of(product, kinds)[0]
        texts = [
            *_texts(product, kind, pieces, dice),
            *_scattered(product, described.get(product.id, ()), pieces, dice),
        ]
        for text in texts:
            yield text, product.id
            if dice.chance(_SLIPS) and (slipped := misspell(text.lower(), dice)):
                yield slipped, product.id


def judged_pairs(groups: Iterable[GradedGroup], *, least: int = 2) -> Iterator[tuple[str, str]]:
    """(query, product id) of every product of the level `least` or above; each group's query first."""
    for group in groups:
        for product, grade in zip(group.products, group.grades, strict=True):
            if grade >= least:
                yield group.query, product


def _texts(product: SampledProduct, kind: str, pieces: int, dice: Dice) -> Iterator[str]:
    yield product.title
    yield from product.identifiers[:_MAX_CODES]
    if kind:
        yield kind
        if product.brand:
            yield f"{product.brand} {kind}"
        for value in dice.shuffled(product.values)[:2]:
            yield f"{value} {kind}"
    words = _WORD.findall(product.title)
    for _ in range(pieces if len(words) > 2 else 0):
        size = min(len(words), 2 + dice.below(3))
        at = dice.below(len(words) - size + 1)
        yield " ".join(words[at : at + size])


def _scattered(product: SampledProduct, words: Sequence[str], pieces: int, dice: Dice) -> Iterator[str]:
    if not words:
        return
    known = list(dict.fromkeys([*_WORD.findall(product.title), *words]))
    yield " ".join(known[:_MAX_WORDS])
    for _ in range(pieces):
        yield " ".join(dice.pick(known) for _ in range(2 + dice.below(3)))
