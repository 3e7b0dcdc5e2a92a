"""What is known of a request beside its own content: its id, who asks, and what became of it."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from starlette.types import Scope

from multirecall.service.keys import Caller

__all__ = ["REQUEST_ID", "RequestNote", "note_of"]

REQUEST_ID = "x-request-id"
_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_KEY = "multirecall.request"


class RequestNote:
    """Goes with a request through all layers. `id` is the client's own if that is a plain word, else a new one.

    `about` is what the endpoint adds to the line of the access log; `asked` is the search as it came in, for
    `repeated.py`; `endpoint` names the endpoint where the router did not see the request.
    """

    __slots__ = ("about", "asked", "caller", "endpoint", "id", "started")

    def __init__(self, sent_id: bytes) -> None:
        self.id = sent_id.decode("ascii") if _ID.fullmatch(sent_id) else secrets.token_hex(16)
        self.started = time.perf_counter()
        self.caller: Caller | None = None
        self.about: dict[str, Any] = {}
        self.asked = ""
        self.endpoint = ""

    @property
    def took_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000.0

    def goes_with(self, scope: Scope) -> None:
        """Puts the note into the request."""
        scope[_KEY] = self


def note_of(scope: Scope) -> RequestNote:
    """The note of a request; a new one where the outer layers were left out."""
    note = scope.get(_KEY)
    if not isinstance(note, RequestNote):
        note = RequestNote(b"")
        note.goes_with(scope)
    return note
