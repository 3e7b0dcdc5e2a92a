"""What the encoder reads of a product, and the fingerprint under which its vectors may be reused."""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass
from functools import lru_cache

from multirecall.core.errors import InvalidSettings
from multirecall.core.product import Product
from multirecall.encoders.base import Encoder

__all__ = ["DEFAULT_TEMPLATE", "TEMPLATE_FIELDS", "TextTemplate", "text_hash", "vector_fingerprint"]

DEFAULT_TEMPLATE = "{title}. {description}"
TEMPLATE_FIELDS = ("title", "description", "brand", "category", "attributes")
"""`category` is the path from the top joined by spaces; `attributes` the text values in order."""

_JOINTS = " \t.,;:|/-–—"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTemplate:
    """A text with `{title}`, `{description}`, `{brand}`, `{category}`, `{attributes}`, cut at `max_chars` characters.

    A field without a value is left out with the literal text before it, so that `{title}. {description}` gives
    `Toner` and not `Toner. ` for a product without description.
    Raises InvalidSettings for an unknown field or unbalanced braces.
    """

    template: str = DEFAULT_TEMPLATE
    max_chars: int = 400

    def __post_init__(self) -> None:
        names = [name for _, name in _parts(self.template) if name is not None]
        unknown = [name for name in names if name not in TEMPLATE_FIELDS]
        if unknown or not names:
            raise InvalidSettings(
                f"The text template {self.template!r} "
                + (f"has an unknown field {{{unknown[0]}}}." if unknown else "names no field."),
                hint=f"Known: {', '.join('{' + name + '}' for name in TEMPLATE_FIELDS)}.",
                field="text",
            )
        if self.max_chars < 1:
            raise InvalidSettings(f"text_max_chars must be 1 or more, got {self.max_chars}.", field="text_max_chars")

    def __call__(self, product: Product) -> str:
        """The text of one product."""
        text = value = ""
        for literal, name in _parts(self.template):
            if name is None:
                text += literal if value else ""  # what follows a field that is left out goes with it
                break
            value = _value(product, name)
            if value:
                text += (literal if text else literal.lstrip(_JOINTS)) + value
            if len(text) >= self.max_chars:
                break
        return text[: self.max_chars]

    def __str__(self) -> str:
        """The template with its limit, `{title}. {description}[:400]`: its name in an index's metadata."""
        return f"{self.template}[:{self.max_chars}]"


@lru_cache(maxsize=64)
def _parts(template: str) -> tuple[tuple[str, str | None], ...]:
    """(literal, field after it or None) in order."""
    try:
        parsed = tuple(string.Formatter().parse(template))
    except ValueError as error:
        raise InvalidSettings(
            f"The text template {template!r} is not readable: {error}.", hint="Write {{ for a brace.", field="text"
        ) from error
    return tuple((literal, name) for literal, name, _, _ in parsed)


def _value(product: Product, name: str) -> str:
    match name:
        case "title":
            return product.title
        case "description":
            return product.description
        case "brand":
            return product.brand or ""
        case "category":
            return " ".join(product.category_path)
        case _:
            values = (v if isinstance(v, tuple) else (v,) for v in product.attributes.values())
            return ", ".join(part for value in values for part in value if isinstance(part, str))


def text_hash(text: str) -> str:
    """32 hex digits: equal texts have equal vectors under one vector fingerprint."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def vector_fingerprint(encoder: Encoder, template: str) -> str:
    """`<encoder>-<8 hex digits over the template>`: vectors may be reused and compared only under the same one.

    `template` is `str(TextTemplate)`, as an index keeps it in `metadata["text_template"]`.
    """
    return f"{encoder.fingerprint}-{hashlib.sha256(template.encode()).hexdigest()[:8]}"
