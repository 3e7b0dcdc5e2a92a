"""Documents: a product's record as tantivy holds it, and the fields it is searched, filtered and counted by.

    id, brand, category, currency, codes, attribute_pairs, attribute_names   keywords: the exact values
    labels                                                                   a keyword, if the schema has any
    <name>_text                                                              words of a text field, analysed by us
    price_minor, popularity, updated_at, version, number_<i>                 float64; i counts numeric_attributes
    in_stock                                                                 boolean
    row, write_version, vector_names                                         ours: see rows.py and writing.py
    body                                                                     stored JSON: `[changing fields]`, and
                                                                             `[record version, field versions]` if
                                                                             fields were set later than the record

tantivy has no update in place: a new price is a new document. So a product is split in two. What only an upsert sets is
read and analysed once; it lies in the row (rows.py), as record (JSON `[fields, vector names]`) and as document
(JSON: tantivy's values by field). The few fields that change lie in the body, and an update adds them to the document.

Texts are analysed here (`engines/analysis.py`, as every engine's reference does) and handed to tantivy as words
with a space between; its own analysers would differ from the reference in folding and stemming.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import tantivy

from multirecall.engines.analysis import terms
from multirecall.engines.fields import MAX_KEYWORD_CHARS, UPDATABLE_FIELDS
from multirecall.engines.schema import Schema
from multirecall.engines.versions import Versions

__all__ = [
    "CHANGING_FIELDS",
    "NO_VERSION",
    "TEXT_FIELDS",
    "Fixed",
    "as_values",
    "column_name",
    "open_text_index",
    "read_body",
    "read_fixed",
    "split",
    "text_field",
    "to_body",
    "to_document",
    "to_fixed",
    "write_version",
]

TEXT_FIELDS = ("title", "brand", "category", "description", "attributes_text")
"""The analysed fields; each lies in the index as `<name>_text`."""

CHANGING_FIELDS = (*UPDATABLE_FIELDS, "version")
"""What a partial update sets; all other fields are fixed until the next upsert."""

_FIXED_KEYWORDS = ("brand", "category", "codes", "attribute_pairs", "attribute_names")
_KEYWORDS = (*_FIXED_KEYWORDS, "currency")
_NUMBERS = ("price_minor", "popularity", "updated_at", "version")
_WORDS = "words"

NO_VERSION = -1
"""What `write_version` holds for a product without one: below every version."""

_SHORT_TEXT_CHARS = 120
_JSON = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


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
    for name in (*_KEYWORDS, *_label_fields(schema), "vector_names"):
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


def _label_fields(schema: Schema) -> tuple[str, ...]:
    """An index without labels is laid out as before there were any."""
    return ("labels",) if schema.labels else ()


class Fixed(NamedTuple):
    """What a row holds of a product: its fixed fields as they are read, and as tantivy is given them."""

    record: bytes
    document: bytes


def split(record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fixed and the changing fields of a record."""
    fixed = {name: value for name, value in record.items() if name not in CHANGING_FIELDS}
    return fixed, {name: record[name] for name in CHANGING_FIELDS if name in record}


def to_fixed(fixed: Mapping[str, Any], *, vector_names: Sequence[str], schema: Schema) -> Fixed:
    """Of the fixed fields of a checked record. Raises TypeError for a value that JSON does not know."""
    values: dict[str, list[Any]] = {"id": [fixed["id"]], "vector_names": [*vector_names]}
    for name in (*_FIXED_KEYWORDS, *_label_fields(schema)):
        values[name] = _keywords(name, fixed.get(name))
    for name, field in _TEXTS:
        values[field] = [_words(text, schema.language) for text in as_values(fixed.get(name))]
    numbers = fixed.get("attribute_numbers") or {}
    for position, name in enumerate(schema.numeric_attributes):
        if numbers.get(name) is not None:
            values[f"number_{position}"] = [float(numbers[name]) + 0.0]  # + 0.0 turns -0.0 into 0.0
    kept = {name: held for name, held in values.items() if held}
    return Fixed(orjson.dumps([fixed, list(vector_names)], option=_JSON), orjson.dumps(kept))


def to_body(changing: Mapping[str, Any], versions: Versions) -> bytes:
    """The body. Raises TypeError for a value that JSON does not know."""
    later = [[versions.record, versions.fields]] if versions.fields else []
    return orjson.dumps([changing, *later], option=_JSON)


def to_document(
    fixed: bytes, changing: Mapping[str, Any], body: bytes, *, row: int, versions: Versions
) -> tantivy.Document:
    """tantivy's document of a product, from the document of its row, its changing fields, and the body of those."""
    # all texts in one call: one by one, some 70 a product, they take four times as long. The row's document is not
    # handed over as the JSON that it is: what tantivy reads as a number may be off by one bit
    document = tantivy.Document.from_dict(orjson.loads(fixed))
    for name in _NUMBERS:
        value = changing.get(name)
        if value is not None:
            document.add_float(name, float(value) + 0.0)
    for value in _keywords("currency", changing.get("currency")):
        document.add_text("currency", value)
    if changing.get("in_stock") is not None:
        document.add_boolean("in_stock", changing["in_stock"])
    document.add_unsigned("row", row)
    document.add_integer("write_version", write_version(versions))
    document.add_bytes("body", body)
    return document


def read_fixed(record: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fixed fields, and the names of the vectors that the product has, from the record of its row."""
    fixed, vector_names = orjson.loads(record)
    return fixed, tuple(vector_names)


def read_body(body: bytes) -> tuple[dict[str, Any], Versions]:
    """The changing fields, and the versions of the record and of its fields."""
    changing, *later = orjson.loads(body)
    if later:
        [[of_record, of_fields]] = later
        return changing, Versions(record=of_record, fields=of_fields)
    version = changing.get("version")
    return changing, Versions(record=None if version is None else int(version))


def write_version(versions: Versions) -> int:
    """The highest version of a product, as the column of that name holds it."""
    highest = versions.highest
    return NO_VERSION if highest is None else highest


def as_values(value: Any) -> list[Any]:
    """The values of a field that may hold none, one or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _keywords(name: str, value: Any) -> list[str]:
    values = as_values(value)
    kept = values if name == "codes" or len(values) < 2 else dict.fromkeys(values)
    return [one for one in kept if len(one) <= MAX_KEYWORD_CHARS]


def _words(text: str, language: str) -> str:
    # brands, categories and short attribute texts repeat from product to product
    return _short_words(text, language) if len(text) <= _SHORT_TEXT_CHARS else " ".join(terms(text, language))


@lru_cache(maxsize=1 << 14)
def _short_words(text: str, language: str) -> str:
    return " ".join(terms(text, language))
