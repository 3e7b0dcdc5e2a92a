"""Values as bytes in Redis and back, whatever a catalogue holds."""

from __future__ import annotations

import json
from typing import Any

import orjson

__all__ = ["packed", "unpacked"]

_SLOWLY = b" "


def packed(value: Any) -> bytes:
    """JSON. Lone surrogates and numbers above 64 bits are none to orjson, but must reach the one who refuses them with
    a reason: they go the slow way, which a blank before the JSON tells."""
    try:
        return orjson.dumps(value, default=str)
    except TypeError:
        return _SLOWLY + json.dumps(value, default=str).encode()


def unpacked(body: bytes) -> Any:
    """The value again."""
    return json.loads(body) if body.startswith(_SLOWLY) else orjson.loads(body)
