"""An engine from its URL. Adapters are imported only when one is opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from multirecall.core.errors import InvalidSettings
from multirecall.engines.base import Engine
from multirecall.engines.credentials import Credentials, TlsSettings

if TYPE_CHECKING:
    from multirecall.engines.servers.engine import ServerEngine

__all__ = ["DEFAULT_NAME", "EngineAccess", "engine_name", "open_engine"]

DEFAULT_NAME = "products"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,199}")
_FORMS = "embedded:PATH, elasticsearch+http(s)://HOST:PORT/NAME, opensearch+http(s)://HOST:PORT/NAME, exact:"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAccess:
    """What opening a server needs beside its URL; the embedded engines ignore it.

    `second_url`: `http(s)://HOST:PORT` of another node of the same cluster, for reads that are late; empty: none.
    """

    credentials: Credentials | None = None
    tls: TlsSettings | None = None
    timeout_s: float = 10.0
    second_url: str = ""


def open_engine(url: str, *, access: EngineAccess | None = None, create: bool = False) -> Engine:
    """The engine that `url` names: embedded:PATH, elasticsearch+http(s)://…/NAME, opensearch+http(s)://…/NAME, exact:.

    NAME is the alias of the index (default `products`). `create` makes the folder of an embedded engine.
    Raises InvalidSettings for a URL of another form or one that holds a password, NotFound for an embedded folder
    that does not exist, EngineUnavailable and EngineAuthError for a server that does not let us in.
    """
    scheme, separator, rest = url.partition(":")
    opener = _OPENERS.get(scheme)
    if opener is None or not separator:
        shown = url if "@" not in url else f"{scheme}:…"
        raise InvalidSettings(f"Unknown engine URL {shown!r}.", hint=f"Use one of: {_FORMS}.", field="engine")
    return opener(rest, access or EngineAccess(), create)


def engine_name(url: str) -> str:
    """The name (alias) that `url` works under, without opening anything. Raises InvalidSettings."""
    scheme, _, rest = url.partition(":")
    if scheme in ("embedded", "exact"):
        return DEFAULT_NAME
    return _server(scheme, rest)[1]


def _open_embedded(rest: str, access: EngineAccess, create: bool) -> Engine:
    from multirecall.engines.embedded import EmbeddedEngine

    path = rest[2:] if rest.startswith("//") else rest
    if not path.strip():
        raise InvalidSettings("The embedded engine needs a folder.", hint="Write embedded:PATH.", field="engine")
    return EmbeddedEngine.open(Path(path), name=DEFAULT_NAME, create=create)


def _open_exact(rest: str, access: EngineAccess, create: bool) -> Engine:
    from multirecall.engines.exact import ExactEngine

    return ExactEngine(name=rest or DEFAULT_NAME)


def _server(scheme: str, rest: str) -> tuple[str, str]:
    """The address without the name, and the name. Raises InvalidSettings."""
    try:
        parts: SplitResult = urlsplit(f"{scheme.partition('+')[2]}:{rest}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidSettings(f"Engine URL: {error}.", hint=f"Use one of: {_FORMS}.", field="engine") from None
    if parts.username or parts.password:
        raise InvalidSettings(
            "The engine URL holds a user name or password.",
            hint="Set MULTIRECALL_ENGINE_USER and MULTIRECALL_ENGINE_PASSWORD (or MULTIRECALL_ENGINE_API_KEY) instead: "
            "URLs end up in logs.",
            field="engine",
        )
    if not host or parts.query or parts.fragment:
        raise InvalidSettings(
            f"Cannot read the engine URL {scheme}:{rest}.", hint=f"Use one of: {_FORMS}.", field="engine"
        )
    path = parts.path.strip("/")
    name = path or DEFAULT_NAME
    if not _NAME.fullmatch(name):
        raise InvalidSettings(
            f"The index name {name!r} must match {_NAME.pattern}.",
            hint="Write it after the port: …:9200/products.",
            field="engine",
        )
    default = 443 if parts.scheme == "https" else 9200
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{port or default}", name


def _elasticsearch() -> type[ServerEngine]:
    from multirecall.engines.servers.elasticsearch import ElasticsearchEngine

    return ElasticsearchEngine


def _opensearch() -> type[ServerEngine]:
    from multirecall.engines.servers.opensearch import OpenSearchEngine

    return OpenSearchEngine


def _open_server(scheme: str, adapter: Callable[[], type[ServerEngine]]) -> Callable[[str, EngineAccess, bool], Engine]:
    def opener(rest: str, access: EngineAccess, create: bool) -> Engine:
        host_url, name = _server(scheme, rest)
        second_url = ""
        if access.second_url:
            second_scheme, _, second_rest = access.second_url.partition(":")
            second_url = _server(f"{scheme.partition('+')[0]}+{second_scheme}", second_rest)[0]
        return adapter().open(
            host_url,
            name,
            second_url=second_url,
            credentials=access.credentials,
            tls=access.tls,
            timeout_s=access.timeout_s,
        )

    return opener


_OPENERS: Mapping[str, Callable[[str, EngineAccess, bool], Engine]] = {
    "embedded": _open_embedded,
    "exact": _open_exact,
    "elasticsearch+http": _open_server("elasticsearch+http", _elasticsearch),
    "elasticsearch+https": _open_server("elasticsearch+https", _elasticsearch),
    "opensearch+http": _open_server("opensearch+http", _opensearch),
    "opensearch+https": _open_server("opensearch+https", _opensearch),
}
