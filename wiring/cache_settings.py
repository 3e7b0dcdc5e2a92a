"""The settings of the search cache and of page tokens."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

__all__ = ["CacheSettings"]


class CacheSettings(BaseSettings):
    """Part of `Settings`."""

    cache_redis: SecretStr = Field(
        SecretStr(""), description="Redis of the search cache and of page tokens; empty: each process on its own"
    )
    cache_memory_mb: int = Field(
        64, ge=0, le=65_536, description="search cache in each process, MB; 0: no cache at all"
    )
    cache_fresh_s: float = Field(60.0, ge=0, le=86_400, description="a cached order is taken as it is for so long")
    cache_stale_s: float = Field(240.0, ge=0, le=86_400, description="and so long while a new one is made behind it")
    cache_changing_s: float = Field(
        5.0, ge=0, le=86_400, description="the same if filter, sort or facets read price, stock, popularity or a date"
    )
    cache_vectors_mb: int = Field(16, ge=0, le=65_536, description="vectors of queries kept in each process, MB")
    cache_vectors_redis_s: float = Field(
        3_600.0, ge=0, le=31_536_000, description="and in Redis for so long, if the encoder is slower than it; 0: not"
    )
    page_window: int = Field(200, ge=10, le=1_000, description="products of a search that can be paged through")
    page_ttl_s: float = Field(900.0, ge=10, le=86_400, description="how long a page token is good for, seconds")
    page_secret: SecretStr = Field(
        SecretStr(""), description="signs page tokens, the same in all processes; empty: another one at each start"
    )
