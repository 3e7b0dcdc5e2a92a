"""One write on its way through `_bulk`: its lines, and what the server's answer to it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from multirecall.engines.base import Delete, Update, Upsert, Write, WriteResult, WriteStatus
from multirecall.engines.checks import rejection
from multirecall.engines.schema import Schema
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.errors import failure_type, reason, retryable
from multirecall.engines.servers.names import document_id
from multirecall.engines.servers.records import source
from multirecall.engines.servers.tombstones import applied, tombstone_source
from multirecall.engines.servers.transport import dumps
from multirecall.engines.versions import Bury, Change, Remove, Replace, State

__all__ = ["Found", "PreparedWrite", "Retry", "outcome", "prepared"]

_GRAVE = "deleted_at"
_CONFLICTS_RETRIED_BY_SERVER = 5
_DONE = {"created": WriteStatus.CREATED, "deleted": WriteStatus.DELETED, "not_found": WriteStatus.MISSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the index holds under an id just now, and by which numbers a write is guarded against what comes next."""

    state: State = None
    values: Mapping[str, Any] = field(default_factory=dict)
    seq_no: int = 0
    primary_term: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedWrite:
    """A write with its JSON made once, however often it is sent. `payload` is empty for a Delete."""

    write: Write
    payload: bytes = b""

    @property
    def size(self) -> int:
        """Bytes in a request, the action line included (nearly: its version guards come later)."""
        return len(self.payload) + len(self.write.id) + 120

    def plain_lines(self) -> bytes:
        """The action line and the payload of a write without a version, sent without looking."""
        about: dict[str, Any] = {"_id": document_id(self.write.id)}
        match self.write:
            case Delete():
                return dumps({"delete": about}) + b"\n"
            case Update():
                return dumps({"update": about | {"retry_on_conflict": _CONFLICTS_RETRIED_BY_SERVER}}) + self._line()
            case Upsert():
                return dumps({"index": about}) + self._line()

    def decided_lines(self, decision: Replace | Change | Bury | Remove, found: Found, dialect: Dialect) -> bytes:
        """The lines that do what the rule has decided, if the index still holds what was found."""
        about: dict[str, Any] = {"_id": document_id(self.write.id)}
        if found.state is not None:
            about |= {"if_seq_no": found.seq_no, "if_primary_term": found.primary_term}
        store = "create" if found.state is None else "index"
        match decision:
            case Replace(kept=()):
                return dumps({store: about}) + self._line()
            case Replace():
                product = replace(decision.write.product, fields=decision.record(found.values))
                merged = source(product, None, dialect) | applied(decision.versions)
                return dumps({store: about}) + b"\n" + dumps(merged) + b"\n"
            case Change():
                changed = decision.fields | applied(decision.versions)
                return dumps({"update": about}) + b"\n" + dumps({"doc": changed}) + b"\n"
            case Bury():
                grave = tombstone_source(self.write.id, decision.buried(found.values))
                return dumps({store: about}) + b"\n" + dumps(grave) + b"\n"
            case Remove():
                return dumps({"delete": about}) + b"\n"

    def _line(self) -> bytes:
        return b"\n" + self.payload + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The write was not applied and may be sent again. `conflict`: another writer came in between."""

    error: str
    conflict: bool = False


def prepared(write: Write, schema: Schema, dialect: Dialect) -> PreparedWrite | WriteResult:
    """The write ready to be sent, or the result `rejected` for one that the server could not take."""
    error = rejection(write, schema)
    if error:
        return WriteResult(id=write.id, ok=False, status=WriteStatus.REJECTED, error=error)
    try:
        return PreparedWrite(write=write, payload=_payload(write, dialect))
    except TypeError as unwritable:  # a value that is no JSON, or a lone surrogate in a stored text
        return WriteResult(
            id=write.id, ok=False, status=WriteStatus.REJECTED, error=f"The product is no JSON: {unwritable}."
        )


def _payload(write: Write, dialect: Dialect) -> bytes:
    match write:
        case Delete():
            return b""
        case Update():
            # a tombstone must not look like a product that was updated: `outcome` sees what was there
            return dumps({"doc": write.fields, "_source": [_GRAVE]})
        case Upsert():
            return dumps(source(write.product, write.version, dialect))


def outcome(write: Write, decided: str | None, item: Mapping[str, Any], tries: int) -> WriteResult | Retry:
    """What the server's answer to one item means. `item`: its `status`, and `result` or `error`.

    `decided` is the status that the rule gave the write, if it was asked; else the server's own word counts.
    """
    status, error = item["status"], item.get("error")
    if status == 404 and failure_type(error) != "index_not_found_exception":
        return WriteResult(id=write.id, ok=isinstance(write, Delete), status=WriteStatus.MISSING, tries=tries)
    if error is None:
        if _GRAVE in item.get("get", {}).get("_source", {}):
            return WriteResult(id=write.id, ok=False, status=WriteStatus.MISSING, tries=tries)
        done = decided or _DONE.get(item.get("result", ""), WriteStatus.UPDATED)
        return WriteResult(id=write.id, ok=True, status=done, tries=tries)
    if status == 409:
        return Retry(error=reason(error), conflict=True)
    if retryable(status):
        return Retry(error=reason(error))
    return WriteResult(id=write.id, ok=False, status=WriteStatus.REJECTED, error=reason(error), tries=tries)
