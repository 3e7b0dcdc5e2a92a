"""Queries made of products, with what each asks for: what stands in for shoppers where there are none.

Two halves that share neither a product nor a template. They are no shoppers: they say what the catalogue says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from multirecall.core.codes import looks_like_part_number, normalise_code
from multirecall.evaluation.testbed.draws import Dice, share
from multirecall.evaluation.testbed.typos import misspell
from multirecall.training.tuning.sampling import SampledProduct

__all__ = [
    "HELD_OUT", "MISSPELLED", "TEMPLATES", "TRAIN", "Asked", "MadeQuery", "count_kinds", "kind_of", "make_queries",
]  # fmt: skip

TRAIN, HELD_OUT = "train", "held_out"

MISSPELLED = "misspelled"
"""The class of a query with a slip in it; the others are called by their template."""

_TYPO_SHARE = 0.25
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_WORD = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_MIN_KIND = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a query asks for. `leaf`: a category; `kind`: words that must stand in the title (of the query's own
    wording, before any slip); `rest`: words that may stand anywhere; `code`: a part number."""

    leaf: str = ""
    kind: str = ""
    rest: str = ""
    code: str = ""
    phrase: bool = False
    """Whether `kind` is a piece of a title, of which one word may be missing for a lower grade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeQuery:
    """A query, the half it belongs to, its class, and the product that it was made of."""

    qid: str
    text: str
    half: str
    kind: str
    asked: Asked
    product: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What can be said of one product."""

    product: SampledProduct
    kind: str
    is_leaf: bool
    code: str

    def asked(self, rest: str = "") -> Asked:
        return Asked(leaf=self.kind, rest=rest) if self.is_leaf else Asked(kind=self.kind, rest=rest)


_Template = Callable[[_Said, Dice], "tuple[str, Asked] | None"]


def _kind(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    return (said.kind, said.asked()) if said.kind else None


def _brand_kind(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    brand = said.product.brand
    return (f"{brand} {said.kind}", said.asked(brand)) if brand and said.kind else None


def _kind_brand(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    brand = said.product.brand
    return (f"{said.kind} {brand}", said.asked(brand)) if brand and said.kind else None


def _value_kind(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    if not (said.kind and said.product.values):
        return None
    value = dice.pick(said.product.values)
    return f"{value} {said.kind}", said.asked(value)


def _kind_value(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    if not (said.kind and said.product.values):
        return None
    value = dice.pick(said.product.values)
    return f"{said.kind} {value}", said.asked(value)


def _brand_value_kind(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    brand = said.product.brand
    if not (brand and said.kind and said.product.values):
        return None
    value = dice.pick(said.product.values)
    return f"{brand} {value} {said.kind}", said.asked(f"{brand} {value}")


def _code(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    return (said.code, Asked(code=said.code)) if said.code else None


def _brand_code(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    brand = said.product.brand
    return (f"{brand} {said.code}", Asked(code=said.code)) if brand and said.code else None


def _piece(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    words = _WORD.findall(said.product.title)
    if len(words) < 3:
        return None
    size = min(len(words), 2 + dice.below(3))
    at = dice.below(len(words) - size + 1)
    text = " ".join(words[at : at + size])
    return (text, Asked(kind=text, phrase=True)) if _LETTERS.search(text) else None


def _scattered(said: _Said, dice: Dice) -> tuple[str, Asked] | None:
    words = _WORD.findall(said.product.title)
    if len(words) < 4:
        return None
    places = sorted(dice.shuffled(range(len(words)))[: 2 + dice.below(2)])
    text = " ".join(words[at] for at in places)
    return (text, Asked(kind=text, phrase=True)) if _LETTERS.search(text) else None


TEMPLATES: Mapping[str, Mapping[str, _Template]] = MappingProxyType(
    {
        TRAIN: {"brand and kind": _brand_kind, "value and kind": _value_kind, "part number": _code, "piece": _piece},
        HELD_OUT: {
            "kind": _kind,
            "kind and brand": _kind_brand,
            "kind and value": _kind_value,
            "brand, value, kind": _brand_value_kind,
            "brand and part number": _brand_code,
            "scattered words": _scattered,
        },
    }
)
"""How queries are worded, by half and class: no template is in both."""


def make_queries(products: Sequence[SampledProduct], *, n: int, seed: int) -> list[MadeQuery]:
    """Up to `n` queries for each half, every template as often, a quarter misspelt; of equal texts the first is kept,
    and a held-out text that training has is left out.

    Which half a product belongs to is settled by its id alone. Fewer than `n` where the catalogue says too little.
    """
    kinds = count_kinds(products)
    made: list[MadeQuery] = []
    seen: set[str] = set()
    for half, templates in TEMPLATES.items():
        own = [one for one in products if (share(one.id) < 0.5) == (half == TRAIN)]
        dice = Dice(seed, f"tuning {half}")
        order = dice.shuffled(own)
        quota = -(-n // len(templates))
        for name, template in templates.items():
            found = 0
            for product in dice.shuffled(order):
                if found == quota:
                    break
                one = template(_said(product, kinds), dice)
                if one is None:
                    continue
                text, kind = " ".join(one[0].lower().split()), name
                if dice.chance(_TYPO_SHARE) and not one[1].code and (slipped := misspell(text, dice)):
                    text, kind = slipped, MISSPELLED
                if text in seen or len(text) > 100:
                    continue
                seen.add(text)
                made.append(
                    MadeQuery(
                        qid=f"{half}-{len(made):05d}", text=text, half=half, kind=kind, asked=one[1], product=product.id
                    )
                )
                found += 1
    return made


def count_kinds(products: Sequence[SampledProduct]) -> Counter[str]:
    """How many titles have each word, and each two words in a row, that may name a kind of thing."""
    counts: Counter[str] = Counter()
    for product in products:
        counts.update(set(_names(product)))
    return counts


def _names(product: SampledProduct) -> list[str]:
    brand = {word.lower() for word in _WORD.findall(product.brand)}
    words = [word.lower() for word in _WORD.findall(product.title)]
    usable = [bool(_LETTERS.fullmatch(word)) and word not in brand for word in words]
    pairs = [f"{words[at]} {words[at + 1]}" for at in range(len(words) - 1) if usable[at] and usable[at + 1]]
    return [*pairs, *(word for word, good in zip(words, usable, strict=True) if good)]


def kind_of(product: SampledProduct, kinds: Mapping[str, int]) -> tuple[str, bool]:
    """What a shopper calls a product of its kind, and whether that is a category; empty if there is no word for it.

    It is the lowest category; without one the words of its title that most titles share (`count_kinds`), two if it can
    be.
    """
    if product.leaf:
        return product.leaf, True
    names = [name for name in _names(product) if kinds.get(name, 0) >= _MIN_KIND]
    pairs = [name for name in names if " " in name]
    return max(pairs or names, key=lambda name: (kinds[name], name), default="").lower(), False


def _said(product: SampledProduct, kinds: Mapping[str, int]) -> _Said:
    kind, is_leaf = kind_of(product, kinds)
    code = next((one for one in product.identifiers if _is_code(one)), "")
    return _Said(product=product, kind=kind, is_leaf=is_leaf, code=code)


def _is_code(identifier: str) -> bool:
    code = normalise_code(identifier)
    return looks_like_part_number(code) and any(c.isalpha() for c in code)
