"""Engines and encoders by the settings."""

from __future__ import annotations

import os

from multirecall.core.errors import InvalidSettings
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine
from multirecall.engines.credentials import Credentials, TlsSettings
from multirecall.engines.opening import EngineAccess, open_engine
from multirecall.wiring.settings import Settings

__all__ = ["engine_access", "index_encoders", "opened_encoder", "opened_engine"]

_VECTOR_FIELD = "dense"


def engine_access(settings: Settings) -> EngineAccess:
    """Credentials and TLS of the engine, from the settings."""
    password, api_key = settings.engine_password.get_secret_value(), settings.engine_api_key.get_secret_value()
    if bool(settings.engine_user) != bool(password):
        raise InvalidSettings(
            "A user name and a password belong together.",
            hint="Set both MULTIRECALL_ENGINE_USER and MULTIRECALL_ENGINE_PASSWORD, or neither.",
            field="engine_user",
        )
    credentials = None
    if api_key or settings.engine_user:
        credentials = Credentials(user=settings.engine_user, password=password, api_key=api_key)
    tls = TlsSettings(ca_file=settings.engine_ca_file, verify=settings.engine_verify_tls)
    return EngineAccess(
        credentials=credentials,
        tls=tls,
        timeout_s=settings.engine_timeout_s,
        second_url=settings.engine_second_url,
    )


def opened_engine(settings: Settings, url: str | None, *, create: bool = False) -> Engine:
    """The engine of `--engine`, or else of the settings."""
    return open_engine(url or settings.engine, access=engine_access(settings), create=create)


def opened_encoder(settings: Settings, spec: str) -> Encoder:
    """The encoder that `spec` names, with the cache and threads of the settings."""
    return open_encoder(
        spec,
        cache_dir=settings.cache_dir.expanduser() / "encoders",
        threads=settings.encoder_threads or os.cpu_count() or 1,
    )


def index_encoders(settings: Settings, spec: str) -> dict[str, Encoder]:
    """The encoders of a new index by vector field; `none` makes an index without vectors."""
    return {} if spec == "none" else {_VECTOR_FIELD: opened_encoder(settings, spec)}
