"""Page tokens: the name of a frozen list, or the list itself where nobody keeps it; signed either way."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from multirecall.core.errors import InvalidInput, PageExpired
from multirecall.core.ranking import FusedHit
from multirecall.search.frozen import FrozenList
from multirecall.search.page import Total
from multirecall.search.serving.frozen_json import FORMAT, unpacked
from multirecall.search.serving.query_json import query_from, query_values

__all__ = ["MAX_TOKEN_CHARS", "PageTokens"]

MAX_TOKEN_CHARS = 8_192
_MAC_BYTES = 16
_NAMED, _WHOLE = b"n", b"w"


@dataclass(frozen=True, slots=True)
class PageTokens:
    """Makes and reads tokens. `secret` is any bytes; whoever shares it reads the tokens, nobody else makes them.

    A named token is 44 characters and holds a list's id. A whole token holds generation, order, scores, totals and the
    query, for `ttl_s` seconds; where that takes more than 8,192 characters, the end of the list is cut off.
    """

    secret: bytes
    ttl_s: float = 900.0
    clock: Callable[[], float] = time.time

    def named(self, list_id: str) -> str:
        """The token that names the list."""
        return self._signed(_NAMED, bytes.fromhex(list_id))

    def whole(self, frozen: FrozenList) -> str:
        """The token that holds the list itself: its hits without sources, and neither facets nor routes.

        Empty if not one hit fits beside the query.
        """
        n = len(frozen.hits)
        while n > 0:
            token = self._signed(_WHOLE, _packed(frozen, n, self.clock() + self.ttl_s))
            if len(token) <= MAX_TOKEN_CHARS:
                return token
            n = min(n - 1, int(n * 0.95 * MAX_TOKEN_CHARS / len(token)))
        return ""

    def read(self, token: str) -> str | FrozenList:
        """The id of a named list, or the list of a whole token.

        Raises InvalidInput for what was not signed here, PageExpired for a list that is too old.
        """
        kind, content = self._checked(token)
        if kind == _NAMED:
            return content.hex()
        values = unpacked(content)  # it is signed: what does not unpack is a mistake of ours, and no input error
        if values["expires"] < self.clock():
            raise page_expired("The page token has expired.")
        return _list_from(values)

    def _signed(self, kind: bytes, content: bytes) -> str:
        return base64.urlsafe_b64encode(kind + self._mac(kind, content) + content).decode("ascii").rstrip("=")

    def _mac(self, kind: bytes, content: bytes) -> bytes:
        return hmac.digest(self.secret, b"multirecall page " + kind + content, hashlib.sha256)[:_MAC_BYTES]

    def _checked(self, token: str) -> tuple[bytes, bytes]:
        if len(token) <= MAX_TOKEN_CHARS and token.isascii():
            try:
                signed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            except (binascii.Error, ValueError):
                signed = b""
            kind, mac, content = signed[:1], signed[1 : 1 + _MAC_BYTES], signed[1 + _MAC_BYTES :]
            if kind in (_NAMED, _WHOLE) and hmac.compare_digest(mac, self._mac(kind, content)):
                return kind, content
        raise InvalidInput(
            "The page token is none of this service.",
            hint="Send it as it was returned; after a restart without a fixed page secret, search again.",
            field="page_token",
        )


def page_expired(message: str) -> PageExpired:
    """The error for a list that is no longer there."""
    return PageExpired(message, hint="Search again, from the first page.", field="page_token")


def _packed(frozen: FrozenList, n: int, expires: float) -> bytes:
    notes = list(frozen.notes)
    if n < len(frozen.hits):
        notes.append(f"Of {len(frozen.hits)} products only the first {n} can be paged through: there is no Redis here.")
    values = {
        "format": FORMAT,
        "id": frozen.id,
        "query": query_values(frozen.query),
        "generation": frozen.generation,
        "ids": [hit.id for hit in frozen.hits[:n]],
        "scores": [hit.score for hit in frozen.hits[:n]],
        "relevance": [hit.relevance for hit in frozen.hits[:n]] if any(h.relevance for h in frozen.hits[:n]) else None,
        "total": [frozen.total.value, frozen.total.relation],
        "totals": {name: [total.value, total.relation] for name, total in frozen.totals.items()},
        "fusion": frozen.fusion,
        "degraded": frozen.degraded,
        "notes": notes,
        "made_at": frozen.made_at,
        "expires": expires,
    }
    return zlib.compress(orjson.dumps(values), 6)


def _list_from(values: dict[str, Any]) -> FrozenList:
    relevance = values["relevance"] or [None] * len(values["ids"])
    hits = zip(values["ids"], values["scores"], relevance, strict=True)
    return FrozenList(
        id=values["id"],
        query=query_from(values["query"]),
        generation=values["generation"],
        hits=tuple(
            FusedHit(id=name, score=score, rank=rank, sources=(), relevance=relevant)
            for rank, (name, score, relevant) in enumerate(hits, start=1)
        ),
        total=Total(value=values["total"][0], relation=values["total"][1]),
        totals={name: Total(value=value, relation=relation) for name, (value, relation) in values["totals"].items()},
        facets=(),
        facets_over="",
        fusion=values["fusion"],
        routes=(),
        route_lists=(),
        degraded=values["degraded"],
        notes=tuple(values["notes"]),
        timings_ms={},
        made_at=values["made_at"],
    )
