"""Logs of the service: JSON lines in which no key and no password ever stands, whoever logs them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

from multirecall.workers.logs import configure_logs

__all__ = ["Redacted", "cleaner", "configure_service_logs"]

_MASK = "********"
_PATTERNS = (  # the words that a text must hold for a pattern to fit: looking for those costs next to nothing
    (("mr_",), re.compile(r"mr_[A-Za-z0-9_-]{16,}"), _MASK),  # our own keys
    (
        ("bearer", "basic", "apikey"),
        re.compile(r"(?i)(\b(?:bearer|basic|apikey)\s+)[A-Za-z0-9+/=_.:-]{6,}"),
        r"\1" + _MASK,
    ),
    (("x-api-key",), re.compile(r"(?i)(x-api-key['\"]?\s*[:=,]\s*b?['\"]?)[^\s'\",]+"), r"\1" + _MASK),
    (("://",), re.compile(r"(://)[^/\s:@'\"]*:[^/\s@'\"]+@"), r"\1" + _MASK + "@"),
)
_SHORTEST = 6
"""Shorter secrets are words that stand everywhere: masking them would make logs unreadable and protect nothing."""


def cleaner(secrets: Iterable[str]) -> Callable[[str], str]:
    """Takes these secrets out of a text, and whatever looks like one."""
    known = {form for secret in secrets if len(secret) >= _SHORTEST for form in (secret, quote(secret, safe=""))}
    given = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True)))) if known else None

    def clean(text: str) -> str:
        if given is not None:
            text = given.sub(_MASK, text)
        lowered = text.lower()
        for words, pattern, mask in _PATTERNS:
            if any(word in lowered for word in words):
                text = pattern.sub(mask, text)
        return text

    return clean


class Redacted(logging.Formatter):
    """What another formatter writes, without the secrets: those it is told, and what looks like one."""

    def __init__(self, inner: logging.Formatter, *, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._clean = cleaner(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._clean(self._inner.format(record))


def configure_service_logs(level: str, *, secrets: Iterable[str]) -> None:
    """Sends all logs of this process to standard error as JSON lines, without these secrets."""
    configure_logs(level)
    for handler in logging.getLogger().handlers:
        inner = handler.formatter or logging.Formatter()
        handler.setFormatter(Redacted(inner, secrets=tuple(secrets)))
