"""Changes: what a shop sends between two exports, read into items and refused with a reason where they are wrong.

{"op": "upsert", "product": {…a row as in the catalogue…}, "version": 7}
{"op": "update", "id": "4711", "fields": {"price": "12.50", "in_stock": true}, "version": 8}
{"op": "delete", "id": "4711", "version": 9}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Update
from multirecall.engines.checks import rejection
from multirecall.engines.fields import UPDATABLE_FIELDS
from multirecall.engines.schema import Schema
from multirecall.indexer import mapping as mappings
from multirecall.indexer.items import DeleteItem, Item, RowItem, UpdateItem
from multirecall.indexer.prices import to_price
from multirecall.indexer.rows import Reject, RowReader
from multirecall.indexer.sources.base import SourceRow
from multirecall.indexer.values import to_bool, to_number, to_timestamp

__all__ = ["ChangeReader"]

_KEYS = {"upsert": {"product"}, "update": {"id", "fields"}, "delete": {"id"}}
_MAX_VERSION = (1 << 63) - 1
_READ = {"in_stock": to_bool, "popularity": to_number, "updated_at": to_timestamp}


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
            raise InvalidInput(f"A change is a JSON object, got {str(change)[:80]!r}.", field="change")
        op = change.get("op")
        if not isinstance(op, str) or op not in _KEYS:
            raise InvalidInput(
                f"A change has an op of {', '.join(_KEYS)}, got {op!r}.", hint="Add the field 'op'.", field="op"
            )
        missing = sorted(_KEYS[op] - change.keys())
        foreign = sorted(change.keys() - _KEYS[op] - {"op", "version"})
        if missing or foreign:
            wrong = f"lacks {', '.join(missing)}" if missing else f"has the unknown field {', '.join(foreign)}"
            known = ", ".join(sorted(_KEYS[op]))
            raise InvalidInput(f"The change ({op}) {wrong}.", hint=f"It needs: {known}.", field=(missing or foreign)[0])
        version = self._version(change)
        if op == "upsert":
            return self._upsert(change["product"], version)
        product_id = change["id"]
        if not isinstance(product_id, str) or not product_id:
            raise InvalidInput(f"The id must be a text of one character or more, got {product_id!r}.", field="id")
        if op == "delete":
            return DeleteItem(id=product_id, version=version)
        return self._update(product_id, change["fields"], version)

    def _version(self, change: Mapping[str, Any]) -> int | None:
        version = change.get("version")
        if version is None:
            in_row = change.get("op") == "upsert"  # there the mapping finds it in the row
            if self.source_versions and not in_row:
                raise InvalidInput(
                    "The change has no version, but this catalogue carries versions of its own.",
                    hint="Send the version that the product has after the change.",
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
            raise InvalidInput(f"The version must lie in 0..2^63-1, got {version!r}.", field="version")
        return version

    def _upsert(self, product: object, version: int | None) -> RowItem:
        if not isinstance(product, Mapping):
            raise InvalidInput("'product' must be an object: a row as the catalogue has it.", field="product")
        row = SourceRow(file="change", row=0, line=None, record=product)
        found = self._rows.read(row)
        if isinstance(found, Reject):
            raise InvalidInput(f"The product's {found.field}: {found.reason}.", field=found.field)
        if self.source_versions and version is None:
            version = found.version
            if version is None:
                names = ", ".join(self._mapping.version)
                raise InvalidInput(
                    f"The product has no readable version ({names}), but this catalogue carries versions of its own.",
                    hint="Send the product's version.",
                    field="version",
                )
        return RowItem(id=found.id, row=product, version=version)

    def _update(self, id: str, fields: object, version: int | None) -> UpdateItem:
        if not isinstance(fields, Mapping) or not fields:
            raise InvalidInput("'fields' must be an object with the fields to set.", field="fields")
        made: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "price":
                made |= self._price(value)
            elif name in _READ and value is not None:
                try:
                    made[name] = _READ[name](value)
                except ValueError as error:
                    raise InvalidInput(f"Field {name!r} {error}: {value!r:.80}.", field=name) from None
            elif name in UPDATABLE_FIELDS:
                made[name] = value
            else:
                known = ", ".join(("price", *UPDATABLE_FIELDS))
                raise InvalidInput(
                    f"Field {name!r} cannot change in an update (can: {known}).",
                    hint="Send an upsert with the whole product.",
                    field=str(name),
                )
        reason = rejection(Update(id=id, fields=made, version=version), self._schema)
        if reason:
            raise InvalidInput(reason, field="fields")
        return UpdateItem(id=id, fields=made, version=version)

    def _price(self, value: object) -> dict[str, Any]:
        if value is None:
            return {"price_minor": None}
        rules = self._mapping.price
        try:
            found = to_price(
                value,
                unit=rules.unit if rules else "major",
                currency=rules.currency if rules else None,
                decimal=rules.decimal if rules else "auto",
            )
        except ValueError as error:
            raise InvalidInput(f"Field 'price' {error}: {value!r:.80}.", field="price") from None
        if found is None:
            return {"price_minor": None}
        price_minor, currency = found
        return {"price_minor": price_minor} | ({} if currency is None else {"currency": currency})
