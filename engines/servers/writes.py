"""One write on its way through `_bulk`: its lines, and what the server's answer to it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multirecall.engines.base import Delete, Update, Upsert, Write, WriteResult, WriteStatus
from multirecall.engines.checks import rejection
from multirecall.engines.schema import Schema
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.errors import failure_type, reason, retryable
from multirecall.engines.servers.names import document_id
from multirecall.engines.servers.records import source
from multirecall.engines.servers.transport import dumps

__all__ = ["PreparedWrite", "Retry", "StoredState", "outcome", "prepared", "settled"]

_CONFLICTS_RETRIED_BY_SERVER = 5
_DONE = {"created": WriteStatus.CREATED, "deleted": WriteStatus.DELETED, "not_found": WriteStatus.MISSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedWrite:
    """A write with its JSON made once, however often it is sent. `payload` is empty for a Delete."""

    write: Write
    payload: bytes = b""

    @property
    def size(self) -> int:
        """Bytes in a request, the action line included (nearly: its version guards come later)."""
        return len(self.payload) + len(self.write.id) + 120

    def lines(self, stored: StoredState | None) -> bytes:
        """The action line and the payload. `stored` guards a versioned write against what came in between."""
        about: dict[str, Any] = {"_id": document_id(self.write.id)}
        if stored is not None and stored.found:
            about |= {"if_seq_no": stored.seq_no, "if_primary_term": stored.primary_term}
        match self.write:
            case Delete():
                return dumps({"delete": about}) + b"\n"
            case Update():
                if stored is None:
                    about["retry_on_conflict"] = _CONFLICTS_RETRIED_BY_SERVER
                action = "update"
            case Upsert():
                action = "create" if stored is not None and not stored.found else "index"
        return dumps({action: about}) + b"\n" + self.payload + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """What the index holds under an id just now. `version` is 0 for a product without one."""

    found: bool
    version: int = 0
    seq_no: int = 0
    primary_term: int = 0


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
            changed = dict(write.fields) | ({} if write.version is None else {"version": write.version})
            return dumps({"doc": changed})
        case Upsert():
            return dumps(source(write.product, write.version, dialect))


def settled(write: Write, stored: StoredState) -> WriteResult | None:
    """The result of a versioned write that need not be sent: the index holds a higher version, or nothing to change."""
    if not stored.found:
        if isinstance(write, Upsert):
            return None
        return WriteResult(id=write.id, ok=isinstance(write, Delete), status=WriteStatus.MISSING)
    if write.version is not None and stored.version > write.version:
        return WriteResult(id=write.id, ok=True, status=WriteStatus.STALE)
    return None


def outcome(write: Write, item: Mapping[str, Any], tries: int) -> WriteResult | Retry:
    """What the server's answer to one item means. `item`: its `status`, and `result` or `error`."""
    status, error = item["status"], item.get("error")
    if status == 404 and failure_type(error) != "index_not_found_exception":
        return WriteResult(id=write.id, ok=isinstance(write, Delete), status=WriteStatus.MISSING, tries=tries)
    if error is None:
        done = _DONE.get(item.get("result", ""), WriteStatus.UPDATED)
        return WriteResult(id=write.id, ok=True, status=done, tries=tries)
    if status == 409:
        return Retry(error=reason(error), conflict=True)
    if retryable(status):
        return Retry(error=reason(error))
    return WriteResult(id=write.id, ok=False, status=WriteStatus.REJECTED, error=reason(error), tries=tries)
