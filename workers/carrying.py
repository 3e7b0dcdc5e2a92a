"""What the live index knows and a catalogue file does not yet: changes newer than the rows of the file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from multirecall.engines.base import Engine
from multirecall.engines.versions import VERSION_FIELDS
from multirecall.indexer.copying import COPIED_FIELDS, copy_item
from multirecall.indexer.items import CopyItem

__all__ = ["newer_products"]

_AT_ONCE = 500


def newer_products(engine: Engine, live: str, new: str) -> Iterator[list[CopyItem]]:
    """Products of both indexes of which the live one has a record, or a single field, of a higher version.

    For a catalogue that carries versions of its own: its file may be older than what came as changes since. A product
    that only the live index has is none of them: the file leaves it out, and says so by that. In bounded memory; costs
    one scan of the versions and one fetch for every 500 products.
    """
    stored = iter(engine.scan(VERSION_FIELDS, index=live))
    while part := {str(record["id"]): record for record in itertools.islice(stored, _AT_ONCE)}:
        there = engine.fetch([*part], VERSION_FIELDS, index=new)
        ids = [
            product_id
            for (product_id, before), after in zip(part.items(), there, strict=True)
            if after is not None and _is_newer(before, after)
        ]
        if ids:
            records = engine.fetch(ids, COPIED_FIELDS, index=live)
            yield [copy_item(record) for record in records if record is not None]


def _is_newer(live: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    of_record = int(new.get("record_version", 0))
    if int(live.get("record_version", 0)) > of_record:
        return True
    fields = new.get("field_versions", {})
    later = live.get("field_versions", {}).items()
    return any(version > max(of_record, int(fields.get(name, 0))) for name, version in later)
