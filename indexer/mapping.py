"""Mapping: which source field is what. Read from the section `[mapping]` of multirecall.toml.

A field name is the source's own (a CSV column, a JSON key, a Parquet column). A dotted name reaches into nested
JSON (`vendor.name`, `images.src`); of a list on the way every element is taken. Every role may name several fields:
texts are joined, of the others the first that has a value counts; all identifiers are kept.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from multirecall.core.errors import InvalidMapping, InvalidSettings
from multirecall.engines.schema import LANGUAGES
from multirecall.indexer.texts import DEFAULT_TEMPLATE, TextTemplate

__all__ = ["AttributeRules", "CategoryField", "Mapping", "PriceField", "read_mapping"]


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Fields = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""One field name or a list of them."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PriceField(_Section):
    """`unit`: `minor` if the numbers are cents (of `currency`), `major` if they are euros or dollars.

    `decimal` is the decimal sign of prices written as text; `auto` reads the last of two different signs as the
    decimal one, and a single sign before exactly three digits as a thousands separator.
    A currency in the text (`12,50 €`) or in `currency_field` goes before `currency`.
    """

    field: Fields
    unit: Literal["minor", "major"] = "major"
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    currency_field: str | None = None
    decimal: Literal["auto", ".", ","] = "auto"


class CategoryField(_Section):
    """A field with a path (`Computers > Laptops`, split at `separator`), or a field per level.

    Where one text lists several paths, `paths_separator` parts them and the first path counts.
    """

    field: Fields
    separator: str | None = Field(default=None, min_length=1)
    paths_separator: str | None = Field(default=None, min_length=1)


class AttributeRules(_Section):
    """Which fields are attributes: those that begin with a prefix (cut off the name), those listed, or `rest`, all
    that no other role uses. `exclude` wins over all. A nested object counts as one attribute per key.

    `clean_names` makes `Screen Size (inch)` into `screen_size_inch`; names without it keep their form.
    """

    prefixes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    rest: bool = False
    exclude: tuple[str, ...] = ()
    clean_names: bool = True

    def chooses(self, name: str) -> bool:
        """Whether a prefix, or the list, takes the field `name`."""
        return name not in self.exclude and (name in self.fields or name.startswith(self.prefixes))


class Mapping(_Section):
    """Roles to source fields. Only `id` and `title` are required."""

    id: Fields = Field(min_length=1)
    title: Fields = Field(min_length=1)
    description: Fields = ()
    brand: Fields = ()
    category: CategoryField | None = None
    price: PriceField | None = None
    identifiers: Fields = ()
    image_url: Fields = ()
    url: Fields = ()
    in_stock: Fields = ()
    popularity: Fields = ()
    updated_at: Fields = ()
    version: Fields = ()
    attributes: AttributeRules = AttributeRules()
    numeric_attributes: tuple[str, ...] = Field(default=(), max_length=200)
    language: str = "english"
    text: str = DEFAULT_TEMPLATE
    text_max_chars: int = Field(default=400, ge=1, le=100_000)
    allow_missing_fields: bool = False

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"must be one of {', '.join(LANGUAGES)}")
        return value

    @field_validator("text")
    @classmethod
    def _readable_template(cls, value: str) -> str:
        try:
            TextTemplate(template=value)
        except InvalidSettings as error:
            raise ValueError(str(error)) from error
        return value

    @property
    def template(self) -> TextTemplate:
        """What the encoder reads of a product."""
        return TextTemplate(template=self.text, max_chars=self.text_max_chars)

    def roles(self) -> Iterator[tuple[str, str]]:
        """(role, source field) of every field that the mapping names."""
        plain = (
            "id", "title", "description", "brand", "identifiers", "image_url", "url", "in_stock", "popularity",
            "updated_at", "version",
        )  # fmt: skip
        for role in plain:
            yield from ((role, name) for name in getattr(self, role))
        if self.category:
            yield from (("category", name) for name in self.category.field)
        if self.price:
            yield from (("price", name) for name in self.price.field)
            if self.price.currency_field:
                yield "price.currency_field", self.price.currency_field
        yield from (("attributes", name) for name in self.attributes.fields)

    def check_fields(self, present: Collection[str], looked_at: str) -> None:
        """Raises InvalidMapping for a role whose field is not among the fields `present` in the source.

        `present` holds top-level and dotted names; `looked_at` says where they were found, for the message.
        """
        if self.allow_missing_fields:
            present = {*present, *(name for role, name in self.roles() if role not in ("id", "title"))}
        for role, name in self.roles():
            if name not in present:
                near = difflib.get_close_matches(name, list(present), n=3, cutoff=0.5) or sorted(present)[:10]
                raise InvalidMapping(
                    f"The mapping reads {role} from the field {name!r}, which {looked_at} does not have.",
                    hint=f"Nearest fields there: {', '.join(near) or 'none'}. If it is rare but right, set "
                    "allow_missing_fields = true.",
                    field=role,
                    source_field=name,
                    nearest=near,
                )
        for prefix in self.attributes.prefixes:
            if not self.allow_missing_fields and not any(name.startswith(prefix) for name in present):
                raise InvalidMapping(
                    f"The mapping takes attributes from fields that begin with {prefix!r}; {looked_at} has none.",
                    hint="Correct attributes.prefixes, or set allow_missing_fields = true.",
                    field="attributes.prefixes",
                    source_field=prefix,
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values without the defaults; `from_dict` reads them back."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_dict(cls, body: dict[str, Any]) -> Mapping:
        """The mapping in plain values. Raises InvalidMapping that names the first wrong key."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise _invalid(error) from error


def read_mapping(path: Path) -> Mapping | None:
    """The section `[mapping]` of a TOML file, or None if the file has no such section.

    Raises InvalidMapping for a file that cannot be read or is no TOML, and for unknown or wrong keys.
    """
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidMapping(f"The mapping file {path} cannot be read: {error.strerror}.", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidMapping(f"The file {path} is not TOML: {error}.", file=str(path)) from error
    section = body.get("mapping")
    if section is None:
        return None
    if not isinstance(section, dict):
        raise InvalidMapping(f"In {path}, mapping must be a section [mapping].", file=str(path), field="mapping")
    return Mapping.from_dict(section)


def _invalid(error: ValidationError) -> InvalidMapping:
    first = error.errors(include_url=False)[0]
    # str elements only: validators of unions add numbers and type names that mean nothing to the user
    key = ".".join(str(part) for part in first["loc"]) or "mapping"
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=3, cutoff=0.5)
        hint = f"Did you mean {', '.join(near)}?" if near else f"Known: {', '.join(known)}."
        return InvalidMapping(f"The mapping has an unknown key {key!r}.", hint=hint, field=key)
    if first["type"] == "missing":
        return InvalidMapping(
            f"The mapping does not say which field is the {key}.",
            hint=f'Add {key} = "…", or let `multirecall mapping suggest FILE` propose a mapping.',
            field=key,
        )
    message = re.sub(r"^Value error, ", "", first["msg"]).rstrip(".")
    return InvalidMapping(f"The mapping's key {key!r} is wrong: {message}.", field=key)


def _known_keys(parents: tuple[int | str, ...]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "price": PriceField, "category": CategoryField, "attributes": AttributeRules,
    }  # fmt: skip
    model = sections.get(str(parents[0]), Mapping) if parents else Mapping
    return list(model.model_fields)
