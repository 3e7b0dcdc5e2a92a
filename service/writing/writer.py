"""Writer: takes changes and says of each what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Change", "ItemResult", "Writer", "Written", "id_of"]

Change = Mapping[str, Any]
"""A change as `indexer/changes.py` reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """`status`: accepted, applied, refused, missing or failed (`bodies/writing.py` says what they mean)."""

    id: str
    status: str
    error: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`items` in the order of the changes. `applied`: nothing of what was taken is left to do."""

    by: str
    items: tuple[ItemResult, ...]
    applied: bool
    job: str = ""


class Writer(Protocol):
    """Blocking; safe for several threads."""

    def write(self, changes: Sequence[Change], *, wait_s: float) -> Written:
        """Takes all changes that can be read, and waits up to `wait_s` until they are applied.

        Raises Backpressure if none was taken, StoreUnavailable, EngineError, NotFound without an index.
        """
        ...


def id_of(change: Change) -> str:
    """What the sender of an unreadable change meant as its id, as far as that can be told."""
    product = change.get("product")
    sent = change.get("id") or (product.get("id") if isinstance(product, Mapping) else None)
    return str(sent)[:512] if isinstance(sent, str | int) and not isinstance(sent, bool) else ""
