"""The one error tree of multirecall.

    MultirecallError
    ├── InvalidInput            a value from outside is wrong: names the field and the fix
    │   ├── InvalidQuery        the search request
    │   ├── InvalidFilter       a filter expression or an unknown filter field
    │   ├── InvalidSettings     settings, URLs, encoder specifications
    │   ├── InvalidMapping      a field mapping that does not fit the source
    │   └── InvalidSource       a catalogue file that cannot be read
    ├── NotFound                an index, file or product that is not there
    ├── PageExpired             the list that a page token names is no longer kept
    ├── UnsupportedFeature      this engine (or encoder) cannot do that; never a quiet no
    ├── MissingExtra            an optional package is absent: carries the install command
    ├── FingerprintMismatch     index and encoder (or schema) do not belong together
    ├── DeadlineExceeded        the time budget is spent
    ├── EncoderError            a model could not be loaded or run
    ├── StoreUnavailable        the store of jobs and batches (Redis) does not answer, or refuses
    ├── Backpressure            the queues are full, nothing was taken: carries retry_after_s
    └── EngineError             the store failed
        ├── EngineUnavailable   no answer, or an answer that says "later": carries retry_after_s
        ├── EngineAuthError     wrong or missing credentials
        ├── EngineBusy          another writer holds the index, or the queue is full
        ├── StorageFull         no space left
        └── IndexCorrupt        the files on disk contradict each other

Every error carries `data` (what the message speaks of, as plain values) and a `hint` (what to do), survives
pickling, and names no secret.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "Backpressure",
    "DeadlineExceeded",
    "EncoderError",
    "EngineAuthError",
    "EngineBusy",
    "EngineError",
    "EngineUnavailable",
    "FingerprintMismatch",
    "IndexCorrupt",
    "InvalidFilter",
    "InvalidInput",
    "InvalidMapping",
    "InvalidQuery",
    "InvalidSettings",
    "InvalidSource",
    "MissingExtra",
    "MultirecallError",
    "NotFound",
    "PageExpired",
    "StorageFull",
    "StoreUnavailable",
    "UnsupportedFeature",
]


class MultirecallError(Exception):
    """Base of every error raised on purpose.

    `code` is the stable lower-case word used in JSON output and metrics; `exit_code` is what the command line
    returns. `data` holds plain JSON values only.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip() if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.hint, self.data))

    def to_dict(self) -> dict[str, Any]:
        """The error as a JSON object: `code`, `message`, `hint` and `data`."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "data": self.data}


def _rebuild(kind: type[MultirecallError], message: str, hint: str, data: dict[str, Any]) -> MultirecallError:
    return kind(message, hint=hint, **data)


class InvalidInput(MultirecallError):
    """A value from outside is wrong. `data["field"]` names it where one is known."""

    code = "invalid_input"
    exit_code = 2


class InvalidQuery(InvalidInput):
    code = "invalid_query"


class InvalidFilter(InvalidInput):
    code = "invalid_filter"


class InvalidSettings(InvalidInput):
    code = "invalid_settings"


class InvalidMapping(InvalidInput):
    code = "invalid_mapping"


class InvalidSource(InvalidInput):
    code = "invalid_source"


class NotFound(MultirecallError):
    """An index, file or product that is not there."""

    code = "not_found"
    exit_code = 3


class PageExpired(MultirecallError):
    """The list that a page token names is no longer kept: search again."""

    code = "page_expired"
    exit_code = 11


class UnsupportedFeature(MultirecallError):
    """The named part cannot do what was asked; it never does something else instead."""

    code = "unsupported"
    exit_code = 2


class MissingExtra(MultirecallError):
    """An optional package is absent; `hint` holds the command that installs it."""

    code = "missing_extra"
    exit_code = 4


class FingerprintMismatch(MultirecallError):
    """Two parts that must agree do not. `data` holds `expected` and `found`."""

    code = "fingerprint_mismatch"
    exit_code = 5


class DeadlineExceeded(MultirecallError):
    code = "deadline_exceeded"
    exit_code = 6


class EncoderError(MultirecallError):
    code = "encoder_error"
    exit_code = 7


class EngineError(MultirecallError):
    """The store failed. `data["engine"]` is its URL with credentials masked, where known."""

    code = "engine_error"
    exit_code = 8


class EngineUnavailable(EngineError):
    """No answer, or one that says "later". `data["retry_after_s"]` is set where the engine names a time."""

    code = "engine_unavailable"


class EngineAuthError(EngineError):
    code = "engine_auth"


class EngineBusy(EngineError):
    code = "engine_busy"


class StorageFull(EngineError):
    code = "storage_full"


class IndexCorrupt(EngineError):
    code = "index_corrupt"


class StoreUnavailable(MultirecallError):
    """The store of jobs and batches (Redis) does not answer, or refuses. `data["store"]` is its URL, masked."""

    code = "store_unavailable"
    exit_code = 9


class Backpressure(MultirecallError):
    """The queues are full: the workers do not keep up. Nothing was taken; `data["retry_after_s"]` says when to ask."""

    code = "backpressure"
    exit_code = 10
