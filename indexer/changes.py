"""Changes: what a shop sends between two exports, read into items and refused with a reason where they are wrong.

{"op": "upsert", "product": {…a row as in the catalogue…}, "version": 7}
{"op": "update", "id": "4711", "fields": {"price": "12.50", "in_stock": true}, "version": 8}
{"op": "delete", "id": "4711", "version": 9}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Update
from multirecall.engines.checks import rejection
from multirecall.engines.fields import UPDATABLE_FIELDS
from multirecall.engines.schema import Schema
from multirecall.indexer import mapping as mappings
from multirecall.indexer.items import DeleteItem, Item, RowItem, UpdateItem
from multirecall.indexer.prices import to_price
from multirecall.indexer.rows import Reject, RowReader, to_id
from multirecall.indexer.sources.base import SourceRow
from multirecall.indexer.values import to_bool, to_currency, to_popularity, to_timestamp

__all__ = ["ChangeReader"]

_KEYS = {"upsert": {"product"}, "update": {"id", "fields"}, "delete": {"id"}}
_MAX_VERSION = (1 << 63) - 1


class ChangeReader:
    """Reads changes for the index that has this schema.

    Versions come either from the shop or from a clock, never from both: `source_versions` says which. With versions
    of the shop's own (its mapping names a version field) every change needs one; without, none may have one.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._mapping = mappings.Mapping.from_dict(schema.metadata["mapping"])
        self._rows = RowReader(self._mapping)
        self.source_versions = bool(self._mapping.version)

    def read(self, change: object, place: str = "") -> Item:
        """The item of one change; its version is None where the clock gives it.

        Raises InvalidInput that names the field and the fix; `place` (a line, a position) goes before the message.
        """
        try:
            return self._read(change)
        except InvalidInput as error:
            if not place:
                raise
            raise InvalidInput(f"{place}: {error.message}", hint=error.hint, **error.data) from error

    def _read(self, change: object) -> Item:
        if not isinstance(change, Mapping):
            raise InvalidInput(
                f"A change is a JSON object, got {str(change)[:80]!r}.",
                hint='For example {"op": "delete", "id": "4711"}.',
                field="change",
            )
        op = change.get("op")
        if not isinstance(op, str) or op not in _KEYS:
            raise InvalidInput(
                f"The change has an unknown 'op': {op!r:.80}." if "op" in change else "The change has no 'op'.",
                hint=f"Send one of: {', '.join(_KEYS)}.",
                field="op",
            )
        missing = sorted(_KEYS[op] - change.keys())
        foreign = sorted(map(str, change.keys() - _KEYS[op] - {"op", "version"}))
        if missing or foreign:
            wrong = f"lacks {_listed(missing)}" if missing else f"has {_listed(foreign)}, which nothing reads"
            raise InvalidInput(
                f"The change ({op}) {wrong}.",
                hint=f"It takes {_listed(sorted(_KEYS[op]))} and, if the catalogue has versions, 'version'.",
                field=(missing or foreign)[0],
            )
        version = self._version(change)
        if op == "upsert":
            return self._upsert(change["product"], version)
        product_id = self._id(change["id"])
        if op == "delete":
            return DeleteItem(id=product_id, version=version)
        return self._update(product_id, change["fields"], version)

    @staticmethod
    def _id(value: object) -> str:
        """As a row's id is read: 4711 and " 4711 " mean "4711"."""
        try:
            found = to_id([] if value is None else [value])
        except ValueError as error:
            raise InvalidInput(
                f"The id {error}: {value!r:.80}." if value is not None else "The id is null.",
                hint="Send the id that the product has in the catalogue.",
                field="id",
            ) from None
        if not found:
            raise InvalidInput(
                "The id is empty.", hint="Send the id that the product has in the catalogue.", field="id"
            )
        return found

    def _version(self, change: Mapping[str, Any]) -> int | None:
        version = change.get("version")
        if version is None:
            in_row = change.get("op") == "upsert"  # there the mapping finds it in the row
            if self.source_versions and not in_row:
                raise InvalidInput(
                    "The change has no version, but this catalogue carries versions of its own.",
                    hint="Send the version that the product has after the change, as 'version'.",
                    field="version",
                )
            return None
        if not self.source_versions:
            raise InvalidInput(
                "The change has a version, but this catalogue was indexed without: its changes count in the order in "
                "which they are sent.",
                hint="Leave 'version' out, or name the version field in the mapping and rebuild.",
                field="version",
            )
        if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version <= _MAX_VERSION:
            raise InvalidInput(
                f"The version {version!r:.80} is not a whole number of 0 to 2^63-1.",
                hint="Send the number without quotes.",
                field="version",
            )
        return version

    def _upsert(self, product: object, version: int | None) -> RowItem:
        if not isinstance(product, Mapping):
            raise InvalidInput(
                f"'product' must be an object, got {product!r:.80}.",
                hint="Send the whole row, with the fields that it has in the catalogue.",
                field="product",
            )
        row = SourceRow(file="change", row=0, line=None, record=product)
        found = self._rows.read(row)
        if isinstance(found, Reject):
            raise self._unread(found)
        if self.source_versions and version is None:
            version = found.version
            if version is None:
                names = ", ".join(self._mapping.version)
                raise InvalidInput(
                    f"The product has no readable version ({names}), but this catalogue carries versions of its own.",
                    hint=f"Send it in the product's field {names}, or as 'version' beside 'product'.",
                    field="version",
                )
        return RowItem(id=found.id, row=product, version=version)

    def _unread(self, reject: Reject) -> InvalidInput:
        """The reject of a product, in the words of the catalogue's own fields."""
        titles = (*self._mapping.title, *self._mapping.description)
        sources = {"id": self._mapping.id, "title": titles}.get(reject.field, ())
        if reject.field == "title":
            what = "The product has neither a title nor a description"
        elif reject.reason == "missing":
            what = f"The product has no {reject.field}"
        else:
            what = f"The product's {reject.field} {reject.reason}"
        return InvalidInput(
            f"{what}.", hint=f"By the mapping it stands in {_listed(sources)}.", field=reject.field, fields=[*sources]
        )

    def _update(self, id: str, fields: object, version: int | None) -> UpdateItem:
        if not isinstance(fields, Mapping) or not fields:
            raise InvalidInput(
                f"'fields' must be an object with the fields to set, got {fields!r:.80}.",
                hint='For example {"price": "12.50", "in_stock": true}.',
                field="fields",
            )
        known = ("price", *UPDATABLE_FIELDS)
        foreign = next((name for name in fields if name not in known), None)
        if foreign is not None:
            raise InvalidInput(
                f"Field {foreign!r} cannot change in an update (can: {', '.join(known)}).",
                hint="Send an upsert with the whole product.",
                field=str(foreign),
            )
        made = {name: self._value(name, value) for name, value in fields.items() if name != "price"}
        if "price" in fields:
            if "price_minor" in fields:
                raise InvalidInput(
                    "The change has both 'price' and 'price_minor'.",
                    hint="Send one of them: 'price' as the catalogue writes it, or 'price_minor' in cents.",
                    field="price",
                )
            made |= self._price(fields["price"], made.get("currency"))
        reason = rejection(Update(id=id, fields=made, version=version), self._schema)
        if reason:
            raise InvalidInput(reason, hint="Send another value, or null to clear the field.", field="fields")
        return UpdateItem(id=id, fields=made, version=version)

    @staticmethod
    def _value(name: str, value: object) -> Any:
        """The value as the engines hold it; None clears the field."""
        if value is None:
            return None
        try:
            return _READ[name](value)
        except ValueError as error:
            raise InvalidInput(
                f"Field {name!r} {error}: {value!r:.80}.",
                hint=f"Send {_EXPECTED[name]}, or null to clear the field.",
                field=name,
            ) from None

    def _price(self, value: object, currency: str | None) -> dict[str, Any]:
        """The price in the smallest unit, by the mapping's rules and the currency that the change names, if any."""
        if value is None:
            return {"price_minor": None}
        rules = self._mapping.price
        several = rules is not None and rules.currency_field is not None
        expected = currency or (rules.currency if rules and not several else None)
        try:
            found = to_price(
                value,
                unit=rules.unit if rules else "major",
                currency=expected,
                decimal=rules.decimal if rules else "auto",
            )
        except ValueError as error:
            raise InvalidInput(
                f"Field 'price' {error}: {value!r:.80}.",
                hint="Send one amount, such as 12.50 or '12,50 €', or null to clear the field.",
                field="price",
            ) from None
        if found is None:
            return {"price_minor": None}
        price_minor, named = found
        if several and named is None:
            raise InvalidInput(
                "The price has no currency, and this catalogue has one for each product.",
                hint="Send 'currency' beside 'price', or write it with the amount: '12.50 EUR'.",
                field="currency",
            )
        return {"price_minor": price_minor} | ({} if named is None else {"currency": named})


def _price_minor(value: Any) -> int | None:
    found = to_price(value, unit="minor", currency=None)
    return None if found is None else found[0]


_READ: Mapping[str, Callable[[Any], Any]] = {
    "price_minor": _price_minor,
    "currency": to_currency,
    "in_stock": to_bool,
    "popularity": to_popularity,
    "updated_at": to_timestamp,
}
_EXPECTED = {
    "price_minor": "the price in the currency's smallest unit (cents)",
    "currency": "a code such as EUR",
    "in_stock": "true or false",
    "popularity": "a number of 0 or more",
    "updated_at": "ISO 8601 or seconds since 1970",
}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
