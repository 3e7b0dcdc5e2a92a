"""Writes: what an engine can be told to do with a product, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Delete",
    "Deleted",
    "Float32Array",
    "IndexedProduct",
    "Kept",
    "Update",
    "Upsert",
    "Write",
    "WriteResult",
    "WriteStatus",
]

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedProduct:
    """A product ready to be written: the flat record of `engines/fields.py` and a vector per vector field.

    A vector field may be missing (the product is then found by the other routes only).
    Vectors: shape (dim,), float32, length 1.
    """

    id: str
    fields: Mapping[str, Any]
    vectors: Mapping[str, Float32Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsert:
    """Insert or replace; with a version as `engines/versions.py` says: `stale` if a later record or delete is known,
    and fields that a later Update has set stay.

    The version is stored as the field `version`, in the place of one in the record.
    """

    product: IndexedProduct
    version: int | None = None

    @property
    def id(self) -> str:
        return self.product.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Set some of `UPDATABLE_FIELDS` (None takes a value away); all other fields and all vectors stay.

    With a version: of the fields those that no later write has set; `stale` if there are none.
    Absent product: `missing`, and not ok; its record may still be on its way.
    """

    id: str
    fields: Mapping[str, Any]
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A field's value that a tombstone keeps (None: it was cleared), and the version at which it was set."""

    value: Any
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Remove a product. Absent product: `missing`, which is no failure.

    With a version: `stale` if the record is later; else a tombstone stays, known product or not. One that is copied
    from another index (`Deleted.write`) brings the fields that were set later than it, and when it was made (s since
    1970): a product or tombstone that is there takes over what is newer of them.
    """

    id: str
    version: int | None = None
    kept: Mapping[str, Kept] = field(default_factory=dict)
    deleted_at: float | None = None


Write = Upsert | Update | Delete


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A tombstone: the version of the delete, when it was applied (seconds since 1970), and the fields that were set
    later than it."""

    id: str
    version: int
    deleted_at: float
    kept: Mapping[str, Kept] = field(default_factory=dict)

    @property
    def write(self) -> Delete:
        """What puts the same tombstone into another index."""
        return Delete(id=self.id, version=self.version, kept=self.kept, deleted_at=self.deleted_at)


class WriteStatus:
    """The words of `WriteResult.status`. The first six are final and right; `rejected` is final and wrong.

    A write without a version does not look at what it replaces: over a tombstone an Upsert is `updated` and a Delete
    `deleted`. `missing` of an Update is final only for whoever knows that no record is on its way.
    """

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    MISSING = "missing"
    STALE = "stale"
    REJECTED = "rejected"  # the engine refuses this product for good: bad value, wrong dimension
    FAILED = "failed"  # given up after retries: the same write may succeed later


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """What became of one write. `ok` covers created, updated, deleted, stale, and missing for a Delete."""

    id: str
    ok: bool
    status: str
    error: str = ""
    retryable: bool = False
    tries: int = 1
