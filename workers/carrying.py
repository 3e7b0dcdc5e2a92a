"""What the live index knows and a build's source does not: changes newer than the rows of the file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from multirecall.engines.base import Engine
from multirecall.engines.versions import VERSION_FIELDS
from multirecall.indexer.copying import COPIED_FIELDS, copy_item
from multirecall.indexer.items import CopyItem, Item, UpdateItem

__all__ = ["NewerProducts"]

_AT_ONCE = 500


class NewerProducts:
    """Products of the live index that came, whole or in a single field, later than what the new one holds of them.

    Without `since` the catalogue carries versions of its own, and its file may be older than what came as changes: a
    higher version is newer. A product that only the live index has is none of them: the file leaves it out, and says
    so by that. With `since`, the clock's version at which the build began, newer is what came after that; so is a
    product that came after it and that the file could not know. In bounded memory; costs one scan of the versions, and
    one fetch for every 500 products that may be newer.

    `created` counts the live products that came whole after `since`: no more than these does the new index hold
    beyond its source.
    """

    def __init__(self, engine: Engine, live: str, new: str, *, since: int | None = None) -> None:
        self._engine, self._live, self._new = engine, live, new
        self._since = since
        self.created = 0

    def batches(self) -> Iterator[list[Item]]:
        """What is newer, as the live index has it: whole products, or only their later fields where the new index's
        record is as late (at equal versions it is the build's own that counts)."""
        least = -1 if self._since is None else self._since
        found = self._engine.scan(VERSION_FIELDS, index=self._live)
        stored = (record for record in found if _latest(record) > least)
        while part := {str(record["id"]): record for record in itertools.islice(stored, _AT_ONCE)}:
            there = self._engine.fetch([*part], VERSION_FIELDS, index=self._new)
            whole: dict[str, bool] = {}
            for (product_id, before), after in zip(part.items(), there, strict=True):
                came_since = self._since is not None and _record_version(before) > self._since
                self.created += came_since
                if came_since if after is None else _is_newer(before, after, self._since or 0):
                    whole[product_id] = after is None or _record_version(before) > _record_version(after)
            if whole:
                records = self._engine.fetch([*whole], COPIED_FIELDS, index=self._live)
                copies = [copy_item(record) for record in records if record is not None]
                yield [item for copy in copies for item in ([copy] if whole[copy.id] else _updates(copy))]


def _updates(copy: CopyItem) -> list[Item]:
    """The fields that were set later than the record, each at its version."""
    return [
        UpdateItem(id=copy.id, fields={name: copy.record.get(name)}, version=version)
        for name, version in copy.field_versions.items()
    ]


def _record_version(stored: Mapping[str, Any]) -> int:
    return int(stored.get("record_version") or 0)


def _latest(stored: Mapping[str, Any]) -> int:
    fields: Mapping[str, int] = stored.get("field_versions", {})
    return max((_record_version(stored), *fields.values()))


def _is_newer(live: Mapping[str, Any], new: Mapping[str, Any], since: int) -> bool:
    of_record = max(since, _record_version(new))
    if _record_version(live) > of_record:
        return True
    fields = new.get("field_versions", {})
    later = live.get("field_versions", {}).items()
    return any(version > max(of_record, int(fields.get(name, 0))) for name, version in later)
