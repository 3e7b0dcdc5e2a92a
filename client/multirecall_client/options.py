"""Options: what may differ from call to call."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from multirecall_client.errors import InvalidArgument

__all__ = ["BULK_RETRIES", "READ_RETRIES", "READ_TIMEOUT_S", "WRITE_TIMEOUT_S", "Options"]

READ_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 60.0
READ_RETRIES = 2
BULK_RETRIES = 8

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"x-request-id", "content-type", "content-length", "host"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Options:
    """`timeout_s` None: 10 s for reads, 60 s for writes. `retries` None: 2 for single calls, 8 for bulk writes.

    Raises InvalidArgument. Values of headers never show: they may be secrets.
    """

    timeout_s: float | None = None
    retries: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str | None = None

    def __post_init__(self) -> None:
        if self.timeout_s is not None and not (0 < self.timeout_s < math.inf):
            raise InvalidArgument(f"timeout_s: {self.timeout_s!r} is no number of seconds above 0.")
        if self.retries is not None and self.retries < 0:
            raise InvalidArgument(f"retries: {self.retries!r} is below 0.")
        if self.request_id is not None and not _REQUEST_ID.fullmatch(self.request_id):
            raise InvalidArgument(f"request_id: {self.request_id!r} is no word of up to 128 letters, digits, . _ : -.")
        for name, value in self.headers.items():
            if not _NAME.fullmatch(name) or name.lower() in _OURS:
                raise InvalidArgument(f"headers: {name!r} is no name of a header that may be set.")
            if not header_value(value):
                raise InvalidArgument(f"headers: the value of {name!r} is not of printable ASCII characters.")

    def but(
        self,
        *,
        timeout_s: float | None = None,
        retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> Options:
        """These options, with those that are given instead; headers are added to those that are there."""
        return replace(
            self,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
            retries=self.retries if retries is None else retries,
            headers=self.headers if headers is None else {**self.headers, **headers},
            request_id=self.request_id if request_id is None else request_id,
        )

    def id_of_request(self) -> str:
        """The request's id: the one that was asked for, else a new one."""
        return self.request_id or uuid.uuid4().hex

    def __repr__(self) -> str:
        told = {"timeout_s": self.timeout_s, "retries": self.retries, "request_id": self.request_id}
        parts = [f"{name}={value!r}" for name, value in told.items() if value is not None]
        if self.headers:
            parts.append(f"headers={sorted(self.headers)!r}")
        return f"Options({', '.join(parts)})"


def header_value(text: str) -> bool:
    """Whether this may stand in a header."""
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()
