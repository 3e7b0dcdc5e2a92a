"""The frontend of the service by the settings: live searcher, page tokens, cache."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from multirecall.search.serving import Frontend
from multirecall.search.serving.tokens import PageTokens
from multirecall.wiring.searchers import opened_live_searcher
from multirecall.wiring.settings import Settings

__all__ = ["opened_frontend"]


@contextmanager
def opened_frontend(settings: Settings, *, engine_url: str | None = None) -> Iterator[Frontend]:
    """Answers searches from the live index; everything it opened is closed at the end."""
    with opened_live_searcher(settings, engine_url=engine_url) as live:
        frontend = Frontend(live, tokens=PageTokens(secrets.token_bytes(32)))
        try:
            yield frontend
        finally:
            frontend.close()
