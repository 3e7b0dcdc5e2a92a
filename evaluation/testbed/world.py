"""The tables of the generated shop as values: families, product types, makers, units. Read once from `data/`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

from multirecall.core.errors import InvalidInput

__all__ = ["MAX_SLOTS", "Attribute", "Family", "ProductType", "World", "load_world", "read_table", "slots_of"]

DATA = Path(__file__).parent / "data"
FAMILIES = ("electronics", "office", "home", "kitchen", "clothing", "sports", "toys", "beauty", "tools", "garden")
MAX_SLOTS = 6  # attributes a type may have; the width of the population's value matrix
WHO = ("audience", "scenario")
_MEASURE = re.compile(r"^(-?\d+(?:\.\d+)?) (\S+)$")


def read_table(name: str) -> dict[str, Any]:
    """One table of `data/` as plain values."""
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


def slots_of(template: str) -> tuple[str, ...]:
    """The names in braces of a template, in order."""
    return tuple(field for _, field, _, _ in Formatter().parse(template) if field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A named attribute and the values it can have; the first values are the commonest."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the types of one table share."""

    name: str
    titles: tuple[str, ...]
    accessory_titles: tuple[str, ...]
    closings: tuple[str, ...]
    series: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ProductType:
    """One kind of product. `brands` are ordinals of `World.brands`, `fits` the type key it is made for."""

    ordinal: int
    key: str
    name: str
    plural: str
    path: tuple[str, ...]
    about: str
    verb_plural: bool
    family: Family
    brands: tuple[int, ...]
    price: tuple[int, int]  # whole euros
    weight: int
    models: tuple[str, ...]
    fits: str | None
    vary: int
    attributes: tuple[Attribute, ...]

    def slot(self, attribute: str) -> int | None:
        """The position of an attribute, or None where the type has none of that name."""
        return next((i for i, a in enumerate(self.attributes) if a.name == attribute), None)

    @cached_property
    def feature_slots(self) -> tuple[int, ...]:
        """Positions of the attributes that describe the thing itself, not who or what it is for."""
        return tuple(i for i, a in enumerate(self.attributes) if a.name not in WHO)

    @cached_property
    def who_slots(self) -> tuple[int, ...]:
        """Positions of the attributes that say who or what it is for."""
        return tuple(i for i, a in enumerate(self.attributes) if a.name in WHO)

    @property
    def low_price_minor(self) -> int:
        """The price in cents up to which a product of this type counts as cheap (about a third of them)."""
        low, high = self.price
        return (low + (high - low) * 11 // 100) * 100


@dataclass(frozen=True, kw_only=True)
class World:
    """All tables, checked against each other."""

    types: tuple[ProductType, ...]
    brands: tuple[str, ...]
    units: Mapping[str, str]
    noise_before: tuple[str, ...]
    noise_after: tuple[str, ...]
    sentences: Mapping[str, tuple[str, ...]]
    links: Mapping[str, Mapping[str, tuple[str, ...]]]  # type -> linked type -> attributes that must agree

    @cached_property
    def by_key(self) -> Mapping[str, ProductType]:
        """Types by key."""
        return {t.key: t for t in self.types}

    def type(self, key: str) -> ProductType:
        """The type of this key. Raises InvalidInput where there is none."""
        try:
            return self.by_key[key]
        except KeyError:
            raise InvalidInput(f"no product type {key!r}", hint="See evaluation/testbed/data.", field="type") from None

    def measure(self, value: str) -> tuple[str, str] | None:
        """`19 mm` as its number and unit, or None for a value that is no single measure."""
        match = _MEASURE.match(value)
        return (match[1], match[2]) if match and match[2] in self.units else None


def load_world() -> World:
    """The tables as one World. Raises InvalidInput that names the entry where two tables do not fit."""
    pools = read_table("pools")
    brands = tuple(sorted({name for names in pools["brands"].values() for name in names}))
    types: list[ProductType] = []
    for name in FAMILIES:
        table = read_table(name)
        head = table["family"]
        family = Family(
            name=name,
            titles=tuple(head["titles"]),
            accessory_titles=tuple(head.get("accessory_titles", ())),
            closings=tuple(head["closings"]),
            series=tuple(pools["series"][name]),
        )
        for key, row in table["type"].items():
            types.append(_product_type(len(types), key, row, family, pools, brands))
    world = World(
        types=tuple(types),
        brands=brands,
        units=pools["units"],
        noise_before=tuple(pools["noise"]["before"]),
        noise_after=tuple(pools["noise"]["after"]),
        sentences={key: tuple(texts) for key, texts in read_table("sentences").items()},
        links=_links(types),
    )
    for t in types:
        if t.fits is not None and not world.type(t.fits).models:
            raise InvalidInput(f"{t.key} fits {t.fits}, which has no part numbers", hint="Give it `models`.")
    return world


def _product_type(
    ordinal: int, key: str, row: dict[str, Any], family: Family, pools: dict[str, Any], brands: tuple[str, ...]
) -> ProductType:
    attributes = []
    for name, values in row["attr"].items():
        if isinstance(values, str):
            values = pools["values"][values.removeprefix("@")]
        attributes.append(Attribute(name=name, values=tuple(values)))
    if not 3 <= len(attributes) <= MAX_SLOTS:
        raise InvalidInput(f"{key} has {len(attributes)} attributes", hint=f"Give it 3 to {MAX_SLOTS}.", field=key)
    names = [a.name for a in attributes]
    if row["vary"] not in names:
        raise InvalidInput(f"{key} varies in {row['vary']!r}", hint=f"Use one of {names}.", field=key)
    low, high = row["price"]
    return ProductType(
        ordinal=ordinal,
        key=key,
        name=row["name"],
        plural=row.get("plural", row["name"] + "s"),
        path=tuple(row["path"].split(" > ")),
        about=row["about"],
        verb_plural=row.get("verb") == "plural",
        family=family,
        brands=tuple(brands.index(name) for name in pools["brands"][row["brands"]]),
        price=(low, high),
        weight=row.get("weight", 1),
        models=tuple(row.get("models", ())),
        fits=row.get("fits"),
        vary=names.index(row["vary"]),
        attributes=tuple(attributes),
    )


def _links(types: list[ProductType]) -> dict[str, dict[str, tuple[str, ...]]]:
    by_key = {t.key: t for t in types}
    links: dict[str, dict[str, tuple[str, ...]]] = {t.key: {} for t in types}
    for one, other, match in read_table("complements")["links"]:
        if one not in by_key or other not in by_key:
            raise InvalidInput(f"complement link {one} - {other} names no type", hint="See complements.toml.")
        for attribute in match:
            if by_key[one].slot(attribute) is None or by_key[other].slot(attribute) is None:
                raise InvalidInput(f"{one} - {other} cannot match by {attribute}", hint="See complements.toml.")
        links[one][other] = links[other][one] = tuple(match)
    return links
