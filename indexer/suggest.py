"""Suggesting a mapping from a sample: names propose, values decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multirecall.core.errors import InvalidMapping
from multirecall.indexer import mapping as mappings
from multirecall.indexer.field_stats import FieldStats, field_stats, words_of_name
from multirecall.indexer.suggest_attributes import is_attribute_name, suggest_attributes
from multirecall.indexer.suggest_language import suggest_language
from multirecall.indexer.suggest_price import suggest_price

__all__ = ["Suggestion", "suggest_mapping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A mapping, why each role got its field, and what the user should check."""

    mapping: mappings.Mapping
    reasons: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Role:
    """Names in order of trust (patterns over the words of a field name), and what the values must look like."""

    names: tuple[str, ...]
    fits: Callable[[FieldStats], bool]
    most: int = 1
    because: str = ""


def _is_prose(stats: FieldStats) -> bool:
    return stats.text > 0.9 and stats.urls < 0.5 and stats.dates < 0.5 and stats.numbers < 0.5


_ROLES: Mapping[str, _Role] = {
    "id": _Role(
        names=(
            "id", "product id", "item id", "uid", "uuid", "object id", "entity id", "sku", "product sku", "asin",
            "article (?:id|number|no)", "artikelnummer", "handle", "variant sku", "code", "product code", "gtin", "ean",
        ),
        fits=lambda s: s.filled >= 0.98 and s.distinct >= 0.98 and s.lists == 0 and s.mean_chars <= 100,
        because="a value of its own in every row",
    ),
    "title": _Role(
        names=(
            "title", "product title", "item title", "product name", "item name", "name", "label", "titel",
            "bezeichnung", "produktname", "nom", "nombre", "titre",
        ),
        fits=lambda s: _is_prose(s) and s.mean_words >= 1.5 and 3 <= s.mean_chars <= 500,
        because="short texts of several words",
    ),
    "description": _Role(
        names=(
            "short description", "description short", "summary", "description", "product description", "body html",
            "body", "long description", "description long", "overview", "item description", "beschreibung", "details",
            "product bullet points?", "bullet points?", "plot",
        ),
        fits=lambda s: _is_prose(s) and s.mean_words >= 2,
        most=3,
        because="longer texts",
    ),
    "brand": _Role(
        names=(
            "brand", "brand name", "product brand", "manufacturer", "manufacturer name", "vendor", "vendor name",
            "supplier", "supplier name", "make", "maker", "marke", "hersteller", "marque", "marca",
        ),
        fits=lambda s: s.text > 0.9 and s.mean_chars <= 60 and s.urls < 0.5,
        because="short names",
    ),
    "identifiers": _Role(
        names=(
            "mpn", "manufacturer part number", "part number", "part no", "model", "model number", "name", "sku",
            "product sku", "variant sku", "ean", "ean code", "gtin\\d*", "upc", "isbn\\d*", "barcode",
            "variant barcode", "asin", "artikelnummer", "(?:herstellernummer|teilenummer)",
        ),
        # beside a title, a "name" that is a code now and then is the part number
        fits=lambda s: (s.codes > (0.2 if s.words == "name" else 0.5) or s.whole_numbers > 0.9)
        and s.distinct > 0.5
        and s.urls < 0.1,
        most=6,
        because="codes",
    ),
    "image_url": _Role(
        names=(
            "image url", "image link", "img 500x500", "(?:image|img|picture|photo)(?: url| src| link)?",
            ".*(?:image|img|picture|photo).*(?:medium|large|high|main|base|500).*", "images(?: src| url)?",
            "base image", ".*(?:image|img|picture|photo)(?!.*(?:thumb|low|small|alt)).*", ".*(?:thumb|image|img).*",
        ),
        fits=lambda s: s.text > 0.9 and (s.urls > 0.5 or s.images > 0.5),
        most=2,
        because="image addresses",
    ),
    "url": _Role(
        names=("url", "link", "product url", "product link", "permalink", "canonical(?: url)?", "page url", "url key"),
        fits=lambda s: s.urls > 0.5 and s.images < 0.5,
        because="web addresses",
    ),
    "in_stock": _Role(
        names=(
            "(?:is )?in ?stock", "availability", "available", "stock status", "stock", "qty", "quantity",
            "stock (?:quantity|qty|level)", "inventory(?: quantity| level)?", "variant inventory qty", "lagerbestand",
            "verfügbarkeit",
        ),
        fits=lambda s: s.booleans > 0.8 or s.numbers > 0.8,
        because="yes/no, stock words or quantities",
    ),
    "popularity": _Role(
        names=(
            "popularity", "sales", "units sold", "sold", "sales count", "orders", "review count", "reviews count",
            "num(?:ber of)? reviews", "rating count", "ratings count", "num ratings", "votes", "views",
        ),
        fits=lambda s: s.numbers > 0.8,
        because="numbers",
    ),
    "updated_at": _Role(
        names=(
            "updated at", "updated", "last updated", "modified at", "modified", "last modified", "date modified",
            "update date", "date updated",
        ),
        fits=lambda s: s.dates > 0.8 or s.numbers > 0.8,
        because="dates",
    ),
}  # fmt: skip

_CATEGORY_NAMES = (
    "category path", "category hierarchy", "categories", "category", "category name", "product category",
    "google product category", "product type", "type", "product class", "class", "department",
    "kategorien?", "warengruppe",
)  # fmt: skip
_SEPARATORS = (" > ", " >> ", ">>", ">", " / ", " | ", "|", "::", "/", "\\")
_MIN_NESTED = 0.2


def suggest_mapping(records: Sequence[Mapping[str, Any]]) -> Suggestion:
    """A mapping for records like these (a thousand or more tell enough).

    Raises InvalidMapping if no field can be the id, or none the title: what then to write is in the hint.
    """
    stats = field_stats(records)
    named = {name: s for name, s in stats.items() if not is_attribute_name(name)}
    chosen: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, str] = {}
    warnings: list[str] = []
    for role, rules in _ROLES.items():
        taken = {name for names in chosen.values() for name in names}
        if role == "identifiers" and not _is_database_id(chosen.get("id", ())):
            taken -= set(chosen.get("id", ()))  # an article number is searched for
        found = _fields_for(rules, named, taken)
        if found:
            chosen[role] = tuple(f.name for f in found)
            reasons[role] = f"by name; it holds {rules.because}"
    _settle_id(chosen, named, reasons, warnings)
    _settle_title(chosen, named, reasons)
    body: dict[str, Any] = dict(chosen)
    used = {name for names in chosen.values() for name in names}
    category = _category(named, used)
    if category is not None:
        body["category"] = category
        used.update(category.field)
        reasons["category"] = "by name" + (f"; levels parted by {category.separator!r}" if category.separator else "")
    price = suggest_price(named)
    if price is not None:
        body["price"] = price.field
        used.update(name for name in (*price.field.field, price.field.currency_field) if name)
        reasons["price"] = price.reason
        warnings.extend(price.warnings)
    attributes, numeric, reason = suggest_attributes(records, stats, used)
    body["attributes"] = attributes
    body["numeric_attributes"] = numeric
    reasons["attributes"] = reason
    language, reason = suggest_language(stats, (*chosen["title"], *chosen.get("description", ())))
    body["language"] = language
    reasons["language"] = reason
    return Suggestion(mapping=mappings.Mapping.model_validate(body), reasons=reasons, warnings=tuple(warnings))


def _is_database_id(names: tuple[str, ...]) -> bool:
    """Whether the id is one that nobody searches for, rather than an article number."""
    return all(re.fullmatch(r"(?:.* )?(?:id|uid|uuid|handle)", words_of_name(name)) for name in names)


def _fields_for(rules: _Role, stats: Mapping[str, FieldStats], taken: set[str]) -> list[FieldStats]:
    """The best fields for a role, by the order of its names, then by how many records have them."""
    found: dict[str, FieldStats] = {}
    for pattern in rules.names:
        matching = [
            s for s in stats.values() if s.name not in taken and re.fullmatch(pattern, s.words) and rules.fits(s)
        ]
        for candidate in sorted(matching, key=lambda s: -s.filled):
            found.setdefault(candidate.name, candidate)
    return list(found.values())[: rules.most]


def _settle_id(
    chosen: dict[str, tuple[str, ...]], stats: Mapping[str, FieldStats], reasons: dict[str, str], warnings: list[str]
) -> None:
    handle = next((s for s in stats.values() if s.words == "handle" and s.filled >= 0.98), None)
    if handle is not None and chosen.get("id", ("variant",))[0].lower().startswith("variant"):
        chosen["id"] = (handle.name,)
        reasons["id"] = "the handle names the product, the other rows with it are its variants and images"
        warnings.append(f"id: of the rows with one {handle.name!r} (variants) only the first is indexed.")
        return
    if "id" in chosen:
        return
    named = [
        s for pattern in _ROLES["id"].names for s in stats.values() if re.fullmatch(pattern, s.words) and s.filled > 0.5
    ]
    if named:
        best = max(named, key=lambda s: s.filled * s.distinct)
        chosen["id"] = (best.name,)
        reasons["id"] = "by name"
        warnings.append(
            f"id: {best.name!r} is missing in {1 - best.filled:.0%} of the rows and repeats in "
            f"{1 - best.distinct:.0%}; such rows are rejected (of rows with one id the first counts)."
        )
        return
    unique = [
        s for s in stats.values() if _ROLES["id"].fits(s) and s.mean_words <= 1.2 and s.urls == 0 and s.dates == 0
    ]
    if unique:
        chosen["id"] = (unique[0].name,)
        reasons["id"] = "no field is named like an id; this is the first in which every row has its own value"
        warnings.append(f"id: {unique[0].name!r} is a guess from its values; name the id field in the mapping.")
        return
    raise InvalidMapping(
        "No field can be the product id: none is named like one, and none is filled and different in every row.",
        hint=f'Write [mapping] with id = "…" in multirecall.toml. Fields: {", ".join(list(stats)[:20])}.',
        field="id",
    )


def _settle_title(chosen: dict[str, tuple[str, ...]], stats: Mapping[str, FieldStats], reasons: dict[str, str]) -> None:
    if "title" in chosen:
        return
    used = {name for names in chosen.values() for name in names}
    named = [
        s for pattern in _ROLES["title"].names for s in stats.values()
        if re.fullmatch(pattern, s.words) and s.text > 0.5 and s.name not in chosen["id"]
    ]  # fmt: skip
    prose = [s for s in stats.values() if s.name not in used and _ROLES["title"].fits(s) and s.filled > 0.5]
    best = named[0] if named else max(prose, key=lambda s: s.distinct, default=None)
    if best is None:
        raise InvalidMapping(
            "No field can be the product title: none is named like one, and none holds short texts.",
            hint=f'Write [mapping] with title = "…" in multirecall.toml. Fields: {", ".join(list(stats)[:20])}.',
            field="title",
        )
    chosen["title"] = (best.name,)
    chosen["identifiers"] = tuple(n for n in chosen.get("identifiers", ()) if n != best.name)
    reasons["title"] = "by name" if named else "no field is named like a title; its texts look most like one"


def _category(stats: Mapping[str, FieldStats], used: set[str]) -> mappings.CategoryField | None:
    candidates = [
        s for pattern in _CATEGORY_NAMES for s in stats.values() if re.fullmatch(pattern, s.words)
        if s.name not in used and s.text > 0.9 and s.mean_chars <= 300 and s.urls < 0.5
    ]  # fmt: skip
    if not candidates:
        return None
    nested = [(s, separator) for s in candidates if (separator := _separator(s)) is not None]
    if not nested:
        return mappings.CategoryField(field=(candidates[0].name,))
    best, separator = nested[0]
    texts = [v for v in best.values if isinstance(v, str) and "," in v]
    several = sum(all(separator in part for part in t.split(",")) for t in texts) > 0.5 * len(texts) if texts else False
    return mappings.CategoryField(field=(best.name,), separator=separator, paths_separator="," if several else None)


def _separator(stats: FieldStats) -> str | None:
    """The separator of levels; a bare slash or backslash also stands inside names, so it must be frequent."""
    texts = [v for v in stats.values if isinstance(v, str)]
    for separator in _SEPARATORS:
        share = sum(separator in t for t in texts) / len(texts)
        if share >= (0.6 if separator in ("/", "\\") else _MIN_NESTED):
            return separator
    return None
