"""A mapping as the commented section `[mapping]` of multirecall.toml."""

from __future__ import annotations

import json
from typing import Any

from multirecall.engines.schema import LANGUAGES
from multirecall.indexer.suggest import Suggestion
from multirecall.indexer.texts import TEMPLATE_FIELDS

__all__ = ["to_toml"]

_ABOUT = {
    "id": "the product's id: different in every row, the same in every export",
    "title": "what the product is called",
    "description": "texts, joined in this order; the encoder reads the first characters only",
    "brand": "the first field that has a value",
    "category": "a path split at the separator, or one field per level",
    "price": "unit: minor = cents, major = whole units; currency: ISO code if the texts do not say it",
    "identifiers": "part numbers and EANs, found however they are typed",
    "image_url": "the first field that has a value",
    "url": "the product's page",
    "in_stock": "yes/no, words such as 'in stock', or a quantity",
    "popularity": "any number, higher is more popular",
    "updated_at": "ISO 8601 or seconds since 1970",
    "version": "a whole number that rises with every change of a product",
    "attributes": "fields by prefix (cut off the name) or by name; rest = true takes all that are left",
    "numeric_attributes": "attributes on which ranges work: attributes.NAME<=100",
    "language": f"stemming: {', '.join(LANGUAGES)}",
    "text": f"what the encoder reads: {', '.join('{' + name + '}' for name in TEMPLATE_FIELDS)}",
    "text_max_chars": "longer texts are cut here",
    "allow_missing_fields": "true: a field that is not in the first rows is no error",
}
_ALWAYS = ("language", "text", "text_max_chars")
_LINE_CHARS = 100


def to_toml(suggestion: Suggestion) -> str:
    """The section as text that `read_mapping` reads back to an equal mapping; reasons and warnings as comments.

    Roles without a field are listed in a comment, so that the user sees what else there is.
    """
    mapping = suggestion.mapping
    body = mapping.to_dict()
    for name in _ALWAYS:
        body[name] = getattr(mapping, name)
    lines = ["[mapping]"]
    lines += [f"# CHECK {warning}" for warning in suggestion.warnings]
    for key, about in _ABOUT.items():
        if key not in body:
            continue
        reason = suggestion.reasons.get(key)
        lines += ["", f"# {about}" + (f" (suggested: {reason})" if reason else "")]
        lines.append(f"{key} = {_value(_simple(body[key]))}")
    unset = [key for key in _ABOUT if key not in body]
    if unset:
        lines += ["", f"# not set: {', '.join(unset)}"]
    return "\n".join(line.replace("\n", " ") if line.startswith("#") else line for line in lines) + "\n"


def _simple(value: Any) -> Any:
    """A list of one field name as that name."""
    if isinstance(value, dict):
        return {k: _simple(v) if k == "field" else v for k, v in value.items()}
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            # JSON strings are TOML strings, but for the one control character that JSON leaves as it is
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            short = f"[{', '.join(_value(v) for v in value)}]"
            if len(short) <= _LINE_CHARS:
                return short
            return "[\n" + "".join(f"  {_value(v)},\n" for v in value) + "]"
        case _:
            return f"{{ {', '.join(f'{k} = {_value(v)}' for k, v in value.items())} }}"
