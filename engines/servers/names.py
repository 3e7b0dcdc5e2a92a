"""Names of indexes and fields on the servers."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, unquote

from multirecall.core.errors import InvalidSettings

__all__ = [
    "check_name",
    "document_id",
    "escaped",
    "index_number",
    "number_field",
    "physical_index",
    "unescaped",
    "write_alias",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,199}")
_NUMBER_DIGITS = 6
_MAX_ID_BYTES = 512  # the servers' limit


def check_name(name: str) -> str:
    """The name, if it can be an alias on a server. Raises InvalidSettings."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise InvalidSettings(
            f"Index name {name!r} must be 1 to 200 lower-case letters, digits, '-', '_' or '.', "
            "and begin with a letter or digit.",
            field="engine",
        )
    return name


def physical_index(name: str, number: int) -> str:
    """`products` and 7 give `products-000007`."""
    return f"{name}-{number:0{_NUMBER_DIGITS}d}"


def index_number(name: str, index: str) -> int | None:
    """The number of a physical index of this name; None for anything else, `products-old-000001` among it."""
    number = index.removeprefix(f"{name}-")
    ours = index != number and len(number) >= _NUMBER_DIGITS and number.isascii() and number.isdigit()
    return int(number) if ours else None


def write_alias(index: str) -> str:
    """The alias that belongs to one physical index alone.

    Servers make an index up when a bulk request names one that is gone. They do not when the request says
    `require_alias`, so all writes go through this alias: a writer whose index was dropped gets an error instead
    of a new index with guessed field types.
    """
    return f"{index}.write"


def document_id(id: str) -> str:
    """What the server knows a product by: its id, or the hash of one that is longer than servers allow.

    The field `id` always holds the whole id; it is what comes back with a hit.
    """
    encoded = id.encode()
    return id if len(encoded) <= _MAX_ID_BYTES else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def number_field(attribute: str) -> str:
    """The field that holds a numeric attribute: percent-escaped, because a dot would make it an object.

    `attribute_numbers.display_diagonal`, `attribute_numbers.Width%20%28max%2E%29`; `unescaped` is the way back.
    """
    return "attribute_numbers." + escaped(attribute)


def escaped(attribute: str) -> str:
    return quote(attribute, safe="").replace(".", "%2E")


def unescaped(name: str) -> str:
    """The attribute name behind a name made by `escaped`."""
    return unquote(name)
