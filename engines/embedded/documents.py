"""Documents: a product's record as tantivy holds it, and the fields it is searched, filtered and counted by.

    id, brand, category, currency, codes, attribute_pairs, attribute_names   keywords: the exact values
    <name>_text                                                              words of a text field, analysed by us
    price_minor, popularity, updated_at, version, number_<i>                 float64; i counts numeric_attributes
    in_stock                                                                 boolean
    row, write_version, vector_names                                         ours: see rows.py and writing.py
    body                                                                     stored JSON: `[record, vector names]`, and
                                                                             `[record version, field versions]` if
                                                                             fields were set later than the record

Texts are analysed here (`engines/analysis.py`, as every engine's reference does) and handed to tantivy as words
with a space between; its own analysers would differ from the reference in folding and stemming.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
import tantivy

from multirecall.engines.analysis import terms
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from multirecall.engines.schema import Schema
from multirecall.engines.versions import Versions

__all__ = [
    "TEXT_FIELDS",
    "as_values",
    "column_name",
    "open_text_index",
    "read_body",
    "read_whole_body",
    "text_field",
    "to_document",
]

TEXT_FIELDS = ("title", "brand", "category", "description", "attributes_text")
"""The analysed fields; each lies in the index as `<name>_text`."""

_KEYWORDS = ("brand", "category", "currency", "codes", "attribute_pairs", "attribute_names")
_NUMBERS = ("price_minor", "popularity", "updated_at", "version")
_WORDS = "words"

NO_VERSION = -1
"""What `write_version` holds for a product without one: below every version."""

_SHORT_TEXT_CHARS = 120


def text_field(name: str) -> str:
    return f"{name}_text"


_TEXTS = tuple((name, text_field(name)) for name in TEXT_FIELDS)


def column_name(name: str, schema: Schema) -> str:
    """tantivy's name for a resolved field: attribute numbers are numbered, since their names may hold anything."""
    if name.startswith("attribute_numbers."):
        return f"number_{schema.numeric_attributes.index(name.partition('.')[2])}"
    return name


def open_text_index(path: str, schema: Schema) -> tantivy.Index:
    """The tantivy index in the folder (which exists), made if it is empty. Raises ValueError if it is broken."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", fast=True, tokenizer_name="raw", index_option="basic")
    for name in (*_KEYWORDS, "vector_names"):
        option = "freq" if name == "codes" else "basic"
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option=option)
    for name in TEXT_FIELDS:
        builder.add_text_field(text_field(name), tokenizer_name=_WORDS, index_option="freq")
    for name in (*_NUMBERS, *(f"number_{i}" for i in range(len(schema.numeric_attributes)))):
        builder.add_float_field(name, indexed=True, fast=True)
    builder.add_boolean_field("in_stock", indexed=True, fast=True)
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_integer_field("write_version", fast=True)
    builder.add_bytes_field("body", stored=True)
    index = tantivy.Index(builder.build(), path=path)
    index.register_tokenizer(_WORDS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    index.config_reader("manual")
    return index


def to_document(
    record: Mapping[str, Any], *, row: int, versions: Versions, vector_names: Sequence[str], schema: Schema
) -> tuple[tantivy.Document, bytes]:
    """The document of a checked record, and its body. Raises TypeError for a value that JSON does not know."""
    later = [[versions.record, versions.fields]] if versions.fields else []
    body = orjson.dumps(
        [record, list(vector_names), *later], option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    )
    # all texts in one call: one by one, some 70 a product, they take four times as long
    texts: dict[str, list[str]] = {"id": [record["id"]], "vector_names": [*vector_names]}
    for name in _KEYWORDS:
        values = as_values(record.get(name))
        kept = values if name == "codes" or len(values) < 2 else dict.fromkeys(values)
        texts[name] = [value for value in kept if len(value) <= MAX_KEYWORD_CHARS]
    for name, field in _TEXTS:
        texts.setdefault(field, []).extend(_words(text, schema.language) for text in as_values(record.get(name)))
    document = tantivy.Document.from_dict(texts)
    for name in _NUMBERS:
        if record.get(name) is not None:
            document.add_float(name, float(record[name]) + 0.0)
    numbers = record.get("attribute_numbers") or {}
    for position, name in enumerate(schema.numeric_attributes):
        if numbers.get(name) is not None:
            document.add_float(f"number_{position}", float(numbers[name]) + 0.0)  # + 0.0 turns -0.0 into 0.0
    if record.get("in_stock") is not None:
        document.add_boolean("in_stock", record["in_stock"])
    document.add_unsigned("row", row)
    document.add_integer("write_version", write_version(versions))
    document.add_bytes("body", body)
    return document, body


def read_body(body: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record and the names of the vectors that the product has."""
    record, vector_names = orjson.loads(body)[:2]
    return record, tuple(vector_names)


def read_whole_body(body: bytes) -> tuple[dict[str, Any], tuple[str, ...], Versions]:
    """What `read_body` gives, and the versions of the record and of its fields."""
    record, vector_names, *later = orjson.loads(body)
    if later:
        [[of_record, of_fields]] = later
        return record, tuple(vector_names), Versions(record=of_record, fields=of_fields)
    version = record.get("version")
    return record, tuple(vector_names), Versions(record=None if version is None else int(version))


def write_version(versions: Versions) -> int:
    """The highest version of a product, as the column of that name holds it."""
    highest = versions.highest
    return NO_VERSION if highest is None else highest


def as_values(value: Any) -> list[Any]:
    """The values of a field that may hold none, one or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _words(text: str, language: str) -> str:
    # brands, categories and short attribute texts repeat from product to product
    return _short_words(text, language) if len(text) <= _SHORT_TEXT_CHARS else " ".join(terms(text, language))


@lru_cache(maxsize=1 << 14)
def _short_words(text: str, language: str) -> str:
    return " ".join(terms(text, language))
