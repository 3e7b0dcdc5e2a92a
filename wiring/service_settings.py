"""The settings of the HTTP service: who may ask, how much, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

__all__ = ["ServiceSettings"]


class ServiceSettings(BaseSettings):
    """Part of `Settings`. Lists are texts with commas, so that a variable of the environment can hold them."""

    api_keys: SecretStr = Field(
        SecretStr(""), description="API keys as name:role:sha256, with commas (`multirecall keys new`); empty: none"
    )
    api_keys_file: Path | None = Field(None, description="file with API keys, one name:role:sha256 a line")
    api_open: bool = Field(False, description="listen beyond this machine even without API keys: anybody may do all")
    allowed_hosts: str = Field(
        "", description="names the service may be asked by; empty: any with keys, only this machine's without"
    )
    cors_origins: str = Field("", description="web origins whose pages may ask the API, e.g. https://shop.example")
    metrics_open: bool = Field(False, description="/metrics without a key")
    rate_per_s: float = Field(100.0, ge=0, le=100_000, description="requests a second of one API key; 0: no limit")
    rate_burst: int = Field(200, ge=1, le=1_000_000, description="requests of one API key at once, after a pause")
    searches_at_once: int = Field(
        8, ge=1, le=512, description="searches at work at a time; an embedded engine has no more than processors"
    )
    searches_waiting: int = Field(64, ge=0, le=10_000, description="searches that may wait; more are refused (429)")
    errands_at_once: int = Field(4, ge=1, le=128, description="writes and look-ups by HTTP at work at a time")
    errands_waiting: int = Field(32, ge=0, le=10_000, description="writes and look-ups that may wait")
    key_share: float = Field(0.5, gt=0, le=1, description="part of all places that one API key may take")
    max_products_mb: int = Field(8, ge=1, le=256, description="longest body of /v1/products, MB")
    write_wait_s: float = Field(10.0, ge=0, le=300, description="how long wait=applied waits, seconds")
    products_by: str = Field(
        "auto",
        pattern="^(auto|workers|straight)$",
        description="how changes by HTTP are applied: workers, straight, or auto (workers if Redis answers)",
    )
    access_log: bool = Field(True, description="log a line for every request")
    slow_search_ms: float = Field(500.0, ge=0, le=600_000, description="searches that take longer are logged")
    log_queries: bool = Field(True, description="let that log hold what was searched for")
    events_dir: Path | None = Field(
        Path(".multirecall/events"), description="folder for what shoppers did (/v1/events); empty: none is kept"
    )
    events_day_mb: int = Field(256, ge=1, le=100_000, description="most that is kept of one day, MB")
    events_keep_days: int = Field(90, ge=1, le=3650, description="days that are kept")
    suggest_max_texts: int = Field(
        200_000, ge=0, le=5_000_000, description="titles to complete from, and as many brands, categories and queries"
    )
    suggest_every_s: float = Field(300.0, ge=1, le=86_400, description="how often the texts to complete are read anew")
    suggest_min_queries: int = Field(
        5, ge=1, le=1_000_000, description="times a query was asked before it is suggested to others"
    )
    otel: bool = Field(False, description="send a trace of every search (needs the extra otel)")
    otel_endpoint: str = Field("", description="OTLP/HTTP address of the collector; empty: as OTEL_* variables say")
