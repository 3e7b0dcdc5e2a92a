"""The rule by which versioned writes merge, whatever their order (docs/decisions/0003-versions-merge.md).

A write sets what it names at its version, and the highest version wins: an Upsert names all fields, a Delete the
product, an Update those it lists. `decide` says what a write does to what is stored under its id; engines store.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from multirecall.engines.writes import Delete, Deleted, Kept, Update, Upsert, Write, WriteResult, WriteStatus

__all__ = [
    "VERSION_FIELDS",
    "Buried",
    "Bury",
    "Change",
    "Decision",
    "Leave",
    "Remove",
    "Replace",
    "State",
    "Tombstone",
    "Versions",
    "decide",
    "version_fields",
]

VERSION_FIELDS = ("record_version", "field_versions")
"""What `Engine.fetch` and `Engine.scan` tell, if asked, of a product's versions: what a faithful copy needs."""

_NONE = -1  # below every version


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Of a stored product: `record` is that of its last full record (None: it had none), `fields` holds the updatable
    fields that were set later than that, each with its version."""

    record: int | None = None
    fields: Mapping[str, int] = field(default_factory=dict)

    @property
    def highest(self) -> int | None:
        """What the product shows as its field `version`."""
        if not self.fields:
            return self.record
        latest = max(self.fields.values())
        return latest if self.record is None or latest > self.record else self.record

    def of(self, name: str) -> int:
        """The version at which a field was set; -1 if no version is known."""
        return self.fields.get(name, _NONE if self.record is None else self.record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What a versioned delete leaves. `fields`: those set later than the delete; their values are kept with it, for
    a record between the two (record 4, price 7, delete 5, record 6: the price is that of 7 in every order)."""

    version: int
    fields: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """A tombstone as an engine stores it: with the values of its `fields`, and when it was made (s since 1970)."""

    tombstone: Tombstone
    record: Mapping[str, Any]
    deleted_at: float

    def deleted(self, id: str) -> Deleted:
        """As `Engine.deleted` tells it."""
        kept = {name: Kept(value=self.record.get(name), version=own) for name, own in self.tombstone.fields.items()}
        return Deleted(id=id, version=self.tombstone.version, deleted_at=self.deleted_at, kept=kept)


def version_fields(versions: Versions) -> dict[str, Any]:
    """The `VERSION_FIELDS` of a product that have a value."""
    found: dict[str, Any] = {} if versions.record is None else {"record_version": versions.record}
    return {**found, "field_versions": dict(versions.fields)} if versions.fields else found


State = Versions | Tombstone | None
"""What is stored under an id: a product, a tombstone, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """Store the written record and its vectors in the place of all else. `kept` fields stay as they are stored."""

    write: Upsert
    status: str
    versions: Versions
    kept: tuple[str, ...] = ()

    def record(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The record to store; `stored` holds the kept fields (one that is missing has no value)."""
        merged = {**self.write.product.fields, **{name: stored.get(name) for name in self.kept}}
        highest = self.versions.highest
        if highest is not None:
            merged["version"] = highest
        return merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Set the `names` among the written fields on the stored product; all else stays."""

    write: Update
    versions: Versions
    names: tuple[str, ...]
    status: str = WriteStatus.UPDATED

    @property
    def fields(self) -> dict[str, Any]:
        """The fields to set, the product's `version` among them."""
        changed = {name: self.write.fields[name] for name in self.names}
        highest = self.versions.highest
        if highest is not None:
            changed["version"] = highest
        return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Bury:
    """Put a tombstone in the place of all else. Of its fields, `own` come with the write; the others stay as they are
    stored."""

    write: Delete
    status: str
    tombstone: Tombstone
    own: frozenset[str] = frozenset()

    def buried(self, stored: Mapping[str, Any]) -> Buried:
        """The tombstone to store; `stored` holds the other fields (one that is missing has no value)."""
        kept, made_at = self.write.kept, self.write.deleted_at
        record = {name: kept[name].value if name in self.own else stored.get(name) for name in self.tombstone.fields}
        return Buried(tombstone=self.tombstone, record=record, deleted_at=time.time() if made_at is None else made_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Remove all that is stored, a tombstone too."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Nothing to do."""

    status: str

    def result(self, write: Write, tries: int = 1) -> WriteResult:
        ok = self.status != WriteStatus.MISSING or isinstance(write, Delete)
        return WriteResult(id=write.id, ok=ok, status=self.status, tries=tries)


Decision = Replace | Change | Bury | Remove | Leave

_STALE = Leave(status=WriteStatus.STALE)
_MISSING = Leave(status=WriteStatus.MISSING)


def decide(write: Write, stored: State) -> Decision:
    """What a (checked) write does to what is stored under its id. Pure."""
    match write:
        case Upsert():
            return _upsert(write, stored)
        case Update():
            return _update(write, stored)
        case Delete():
            return _delete(write, stored)


def _upsert(write: Upsert, stored: State) -> Decision:
    version = write.version
    status = WriteStatus.CREATED if stored is None else WriteStatus.UPDATED
    if version is None:
        own = write.product.fields.get("version")
        return Replace(write=write, status=status, versions=Versions(record=None if own is None else int(own)))
    match stored:
        case None:
            return Replace(write=write, status=status, versions=Versions(record=version))
        case Versions():
            if version < (_NONE if stored.record is None else stored.record):
                return _STALE
        case Tombstone():
            if version <= stored.version:
                return _STALE
            status = WriteStatus.CREATED
    later = _later(stored.fields, version)
    return Replace(write=write, status=status, versions=Versions(record=version, fields=later), kept=tuple(later))


def _update(write: Update, stored: State) -> Decision:
    version = write.version
    if stored is None:
        return _MISSING
    if isinstance(stored, Tombstone):
        return _STALE if version is not None and version <= stored.version else _MISSING
    if version is None:
        return Change(write=write, versions=stored, names=tuple(write.fields))
    names = tuple(name for name in write.fields if version >= stored.of(name))
    if not names:
        return _STALE
    later = _later(dict.fromkeys(names, version), _NONE if stored.record is None else stored.record)
    return Change(write=write, versions=Versions(record=stored.record, fields={**stored.fields, **later}), names=names)


def _delete(write: Delete, stored: State) -> Decision:
    version = write.version
    if version is None:
        return _MISSING if stored is None else Remove(status=WriteStatus.DELETED)
    newer = frozenset(name for name, kept in write.kept.items() if kept.version > _set_at(name, stored))
    fields = {**(stored.fields if stored is not None else {}), **{name: write.kept[name].version for name in newer}}
    status = WriteStatus.MISSING
    match stored:
        case Versions():
            if version < (_NONE if stored.record is None else stored.record):
                if not newer:
                    return _STALE
                update = Update(id=write.id, fields={name: write.kept[name].value for name in newer})
                return Change(write=update, versions=replace(stored, fields=fields), names=tuple(sorted(newer)))
            status = WriteStatus.DELETED
        case Tombstone():
            if version <= stored.version and not newer:
                return _MISSING
            version = max(version, stored.version)
    later = _later(fields, version)
    return Bury(
        write=write, status=status, tombstone=Tombstone(version=version, fields=later), own=newer & later.keys()
    )


def _set_at(name: str, stored: State) -> int:
    """The version at which a field was set, or the product deleted; -1 if none is known."""
    match stored:
        case None:
            return _NONE
        case Versions():
            return stored.of(name)
        case Tombstone():
            return stored.fields.get(name, stored.version)


def _later(fields: Mapping[str, int], version: int) -> dict[str, int]:
    return {name: own for name, own in fields.items() if own > version}
