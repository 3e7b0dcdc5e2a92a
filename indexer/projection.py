"""Product to the flat record that every engine holds (`engines/fields.py`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from multirecall.core.codes import product_codes
from multirecall.core.product import AttributeValue, Product
from multirecall.engines.fields import MAX_KEYWORD_CHARS, attribute_pair
from multirecall.indexer.match_texts import match_text
from multirecall.indexer.texts import TextTemplate, text_hash

__all__ = ["MAX_CODES", "category_prefixes", "to_record"]

_CATEGORY_JOINT = " > "

MAX_CODES = 400

_MAY_HOLD_CODE = re.compile(r"\d|[A-Za-z]-[A-Za-z]|\b[A-Za-z]\b")

_CODE_TEXT_CHARS = 5_000
"""Part numbers stand at the beginning of a description; scanning all of 100,000 characters finds only noise."""


def to_record(
    product: Product, *, template: TextTemplate, language: str, numeric_attributes: Collection[str] = ()
) -> tuple[dict[str, Any], str]:
    """(the record, the text for the encoder). Fields without a value are not in the record.

    `language` is that of the schema: `match_text` holds index terms.

    `category` holds every prefix of the path (`Computers`, `Computers > Laptops`), so that a filter on an upper
    level finds what lies below. `content_hash` covers the encoder's text: while it and the vector fingerprint
    stay, the vector does. A pair above `MAX_KEYWORD_CHARS` is left out of `attribute_pairs`; its value stays
    searchable and stored.
    """
    text = template(product)
    pairs, spoken = _attributes(product.attributes)
    numbers = {
        name: value
        for name, value in product.attributes.items()
        if isinstance(value, float) and not isinstance(value, bool) and name in numeric_attributes
    }
    codes = _codes(product, spoken)
    record: dict[str, Any] = {
        "id": product.id,
        "title": product.title,
        "description": product.description,
        "brand": product.brand,
        "category": category_prefixes(product.category_path),
        "category_path": list(product.category_path),
        "attributes": {n: list(v) if isinstance(v, tuple) else v for n, v in product.attributes.items()},
        "attribute_pairs": pairs,
        "attribute_names": list(product.attributes),
        "attribute_numbers": numbers,
        "attributes_text": "\n".join(spoken),
        "codes": codes,
        "match_text": match_text(product, codes=codes, spoken=spoken, language=language).to_text(),
        "identifiers": list(product.identifiers),
        "price_minor": product.price_minor,
        "currency": product.currency,
        "in_stock": product.in_stock,
        "popularity": product.popularity,
        "updated_at": product.updated_at,
        "version": product.version,
        "url": product.url,
        "image_url": product.image_url,
        "content_hash": text_hash(text),
    }
    return {name: value for name, value in record.items() if _says_something(value)}, text


def _codes(product: Product, spoken: list[str]) -> list[str]:
    """Identifiers and title first: they matter most, and the list is cut at `MAX_CODES`."""
    part_numbers = [i for i in product.identifiers if _is_part_number(i)]
    names = [i for i in product.identifiers if i not in part_numbers]
    own = product_codes([product.title, *names, product.description[:_CODE_TEXT_CHARS]], part_numbers)
    found = dict.fromkeys(own)
    for text in spoken:
        if _MAY_HOLD_CODE.search(text):
            found.update(dict.fromkeys(_codes_of_value(text)))
    return list(found)[:MAX_CODES]


def _is_part_number(identifier: str) -> bool:
    """Not a name in words, which some catalogues have in the same field: its words would all count as codes."""
    words = identifier.count(" ") + 1
    return words == 1 or (words <= 3 and any(c.isdigit() for c in identifier))


@lru_cache(maxsize=1 << 15)
def _codes_of_value(text: str) -> tuple[str, ...]:
    """Attribute values repeat across products, and reading codes is the dearest step of the projection."""
    return product_codes([text])


def _says_something(value: object) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def category_prefixes(path: Sequence[str]) -> list[str]:
    """A category's path as it is stored to be filtered by: each level with those above it, the top first."""
    return [_CATEGORY_JOINT.join(path[: depth + 1]) for depth in range(len(path))]


def _attributes(attributes: Mapping[str, AttributeValue]) -> tuple[list[str], list[str]]:
    """(filter pairs, searchable texts): of texts the values, of `true` the name, of numbers nothing.

    Nobody types a bare number and means an attribute; with its unit it stands in a text or in the codes.
    """
    pairs: list[str] = []
    spoken: list[str] = []
    for name, value in attributes.items():
        if isinstance(value, str):
            pairs.append(attribute_pair(name, value))
            spoken.append(value)
        elif isinstance(value, tuple):
            pairs.extend(attribute_pair(name, part) for part in value)
            spoken.extend(value)
        else:
            pairs.append(attribute_pair(name, value))
            if value is True:
                spoken.append(name.replace("_", " "))
    return [pair for pair in pairs if len(pair) <= MAX_KEYWORD_CHARS], spoken
