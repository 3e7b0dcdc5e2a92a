"""The frontend of the service by the settings: live searcher, page tokens, cache."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from multirecall.search.serving import Frontend
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.lifetimes import Lifetime, Lifetimes
from multirecall.search.serving.shared import SharedLists
from multirecall.search.serving.tokens import PageTokens
from multirecall.wiring.searchers import opened_live_searcher
from multirecall.wiring.settings import Settings

__all__ = ["opened_frontend"]

_EMPTY_S = 10.0  # what was not found is looked for again after so long


@contextmanager
def opened_frontend(settings: Settings, *, engine_url: str | None = None) -> Iterator[Frontend]:
    """Answers searches from the live index; everything it opened is closed at the end.

    A Redis that is not there is no error: the cache goes on without it.
    """
    secret = settings.page_secret.get_secret_value().encode() or secrets.token_bytes(32)
    with opened_live_searcher(settings, engine_url=engine_url, remember_vectors=True) as live:
        frontend = Frontend(
            live,
            tokens=PageTokens(secret, ttl_s=settings.page_ttl_s),
            cache=_cache(settings) if settings.cache_memory_mb else None,
            window=settings.page_window,
        )
        try:
            yield frontend
        finally:
            frontend.close()


def _cache(settings: Settings) -> ListCache:
    counters = Counters()
    url = settings.cache_redis.get_secret_value()
    changing = Lifetime(fresh_s=settings.cache_changing_s, stale_s=0.0)
    settled = Lifetime(fresh_s=settings.cache_fresh_s, stale_s=settings.cache_stale_s)
    return ListCache(
        max_bytes=settings.cache_memory_mb * 1024 * 1024,
        lifetimes=Lifetimes(
            settled=settled,
            changing=changing if changing.all_s < settled.all_s else settled,
            empty=Lifetime(fresh_s=min(_EMPTY_S, settled.all_s), stale_s=0.0),
        ),
        shared=SharedLists(
            url, prefix=f"{settings.namespace}:search", page_ttl_s=settings.page_ttl_s, counters=counters
        )
        if url
        else None,
        counters=counters,
    )
