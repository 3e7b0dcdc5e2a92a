"""Words for a query: a product is drawn, some of its properties become constraints, a template puts them into words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.meaning import Answer, Constraint, Meaning
from multirecall.evaluation.testbed.population import Population
from multirecall.evaluation.testbed.splits import split_of
from multirecall.evaluation.testbed.typos import misspell
from multirecall.evaluation.testbed.world import ProductType, World, read_table, slots_of

__all__ = ["Phrasing", "Request"]

_PARTS = re.compile(r"[a-z]+|[0-9]+")
_PRICE_STEPS = ((50, 5), (200, 10), (500, 50), (10_000, 100))  # up to this many euros, limits are multiples of that


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The text and the meaning of a query in the making; `concept` where the split hangs on more than the meaning."""

    text: str
    meaning: Meaning
    concept: str | None = None
    subtype: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """Other words for types and values, and the concept that each of them is."""

    types: Mapping[str, tuple[str, str]]  # type key -> (word, concept)
    values: Mapping[tuple[str, str], tuple[str, str]]
    subtype: str


class Phrasing:
    """Puts properties of drawn products into words."""

    def __init__(self, population: Population, grader: Grader) -> None:
        self.world: World = population.world
        self.templates: dict[str, Any] = read_table("templates")
        self._population = population
        self._grader = grader
        self._slang = read_table("synonyms")
        self._foreign = read_table("foreign")
        world = self.world
        self._measured = {
            t.key: [s for s in t.feature_slots if any(world.measure(v) for v in t.attributes[s].values)]
            for t in world.types
        }

    def request(self, cls: str, template: str, split: str, dice: Dice) -> Request | None:
        """A drawn request in a template's words, or None where the draw does not fit the template or split."""
        words = None
        if cls in ("synonym", "foreign"):
            words = self._other_words(cls, split, dice)
            if words is None:
                return None
            product = self._product_for(words, template, dice)
        else:
            product = dice.below(len(self._population))
        if product is None:
            return None
        filled = self._fill(cls, template, product, words, dice)
        if filled is None:
            return None
        facts, constraints, used = filled
        text = template.format_map(facts)
        if cls == "misspelled":
            wrong = misspell(text, dice)
            if wrong is None:
                return None
            text = wrong
        t = self.world.types[int(self._population.kind[product])]
        return Request(
            text=text,
            meaning=Meaning(answers=(Answer(types=(t.key,), constraints=tuple(constraints)),)),
            concept=used,
            subtype=words.subtype if words else None,
        )

    def _other_words(self, cls: str, split: str, dice: Dice) -> _Words | None:
        """One drawn word of the split (a synonym pair, or a type's name in a language with its value words)."""
        if cls == "synonym":
            if dice.chance(0.7):
                key = dice.pick(list(self._slang["type"]))
                word = dice.pick(self._slang["type"][key])
                concept = f"{word} = {key}"
                found = _Words(types={key: (word, concept)}, values={}, subtype="type")
            else:
                pair = dice.pick(list(self._slang["value"]))
                word = dice.pick(self._slang["value"][pair])
                concept = f"{word} = {pair}"
                attribute, value = pair.split("=", 1)
                found = _Words(types={}, values={(attribute, value): (word, concept)}, subtype="value")
        else:
            language = dice.below(len(self._foreign["languages"]))
            code = self._foreign["languages"][language]
            key = dice.pick(list(self._foreign["type"]))
            word = self._foreign["type"][key][language]
            concept = f"{word} = {key} ({code})"
            values = {
                (pair.split("=", 1)[0], pair.split("=", 1)[1]): (texts[language], concept)
                for pair, texts in self._foreign["value"].items()
            }
            found = _Words(types={key: (word, concept)}, values=values, subtype=code)
        return found if split_of(concept) == split else None

    def _product_for(self, words: _Words, template: str, dice: Dice) -> int | None:
        if words.types:
            kind = self.world.type(next(iter(words.types))).ordinal
            products = self._grader.products_of(kind)
            return int(products[dice.below(len(products))]) if len(products) else None
        if "{x}" not in template:
            return None
        for _ in range(40):  # a product that has the value
            product = dice.below(len(self._population))
            if any(self._value(product, a) == v for a, v in words.values):
                return product
        return None

    def _value(self, product: int, attribute: str) -> str | None:
        t = self.world.types[int(self._population.kind[product])]
        slot = t.slot(attribute)
        return None if slot is None else t.attributes[slot].values[int(self._population.values[product, slot])]

    def _fill(
        self, cls: str, template: str, product: int, words: _Words | None, dice: Dice
    ) -> tuple[dict[str, str], list[Constraint], str | None] | None:
        p, world = self._population, self.world
        t = world.types[int(p.kind[product])]
        wanted = set(slots_of(template))
        facts = {"type": t.name.lower(), "types": t.plural.lower()}
        constraints: list[Constraint] = []
        used: str | None = None
        if words is not None and words.types:
            facts["type"], used = words.types[t.key]
        maker = world.brands[int(p.brand[product])]
        if "brand" in wanted:
            facts["brand"] = maker.lower()
            constraints.append(Constraint(attribute="brand", value=maker, hard=cls == "model"))
        if "who" in wanted and not self._add_who(t, product, facts, constraints, dice):
            return None
        features = self._features(cls, t, product, words, wanted, dice)
        if features is None:
            return None
        for letter, (attribute, value) in features.items():
            word = value.lower()
            if words is not None and (attribute, value) in words.values:
                word, concept = words.values[attribute, value]
                used = used or concept
            facts[letter] = word
            constraints.append(Constraint(attribute=attribute, value=value, hard=attribute == "audience"))
        if "n" in wanted:
            number, unit = world.measure(features["n"][1]) or ("", "")
            facts |= {"n": number, "u": unit.lower(), "unit": world.units[unit]}
        if not self._add_identity(cls, t, product, maker, wanted, facts, constraints):
            return None
        return facts, constraints, used

    def _features(
        self, cls: str, t: ProductType, product: int, words: _Words | None, wanted: set[str], dice: Dice
    ) -> dict[str, tuple[str, str]] | None:
        """(attribute, value) for each of x, y, n, colour and material that the template wants."""
        slots = list(t.feature_slots)
        if words is not None and words.values:
            slots = [i for i, a in enumerate(t.attributes) if (a.name, self._value(product, a.name)) in words.values]
        out: dict[str, tuple[str, str]] = {}
        for name in ("colour", "material"):
            if name in wanted:
                value = self._value(product, name)
                if value is None:
                    return None
                out[name] = (name, value)
        letters: list[str] = [letter for letter in ("x", "y") if letter in wanted]
        if cls == "attribute_unit":
            letters = ["n"]
            measured = {s: self._value(product, t.attributes[s].name) for s in self._measured[t.key]}
            slots = [s for s, value in measured.items() if value is not None and self.world.measure(value)]
        if len(slots) < len(letters):
            return None
        chosen = dice.shuffled(slots)[: len(letters)]
        for letter, slot in zip(letters, chosen, strict=True):
            name = t.attributes[slot].name
            out[letter] = (name, self._value(product, name) or "")
        return out

    def _add_who(
        self, t: ProductType, product: int, facts: dict[str, str], constraints: list[Constraint], dice: Dice
    ) -> bool:
        if not t.who_slots:
            return False
        name = t.attributes[dice.pick(t.who_slots)].name
        value = self._value(product, name) or ""
        facts["who"] = value.lower()
        constraints.append(Constraint(attribute=name, value=value, hard=name == "audience"))
        return True

    def _add_identity(
        self,
        cls: str,
        t: ProductType,
        product: int,
        maker: str,
        wanted: set[str],
        facts: dict[str, str],
        constraints: list[Constraint],
    ) -> bool:
        """Adds part number, device and price limit; False where the product has none."""
        p = self._population
        if cls == "model":
            group = int(p.group[product])
            model = p.model(group)
            if not model:
                return False
            parts = _PARTS.findall(model.lower())
            facts |= {"model": model, "compact": "".join(parts), "spaced": " ".join(parts)}
            if not any(c.attribute == "brand" for c in constraints):
                constraints.append(Constraint(attribute="brand", value=maker, hard=True))
            constraints.append(Constraint(attribute="model", value=model, ref=group))
        if "device" in wanted:
            device = int(p.device[product])
            if t.fits is None or device < 0:
                return False
            name = p.device_name(device)
            facts["device"] = name.lower()
            constraints.append(Constraint(attribute="compatible_with", value=name, hard=True, ref=device))
        if "max" in wanted:
            euros = int(p.price_minor[product]) // 100 + 1
            step = next(step for top, step in _PRICE_STEPS if euros <= top)
            limit = -(-euros // step) * step
            facts["max"] = str(limit)
            constraints.append(Constraint(attribute="price", op="at most", value=limit * 100))
        return True
