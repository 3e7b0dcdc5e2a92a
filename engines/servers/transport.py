"""HTTP to a server: pooled connections, JSON both ways, and the errors of the wire in our words.

One transport serves both servers: the official `elastic-transport` (the lower half of the Elasticsearch client),
which knows nothing of either product. Our requests are written out as bytes anyway, so the upper halves, which
differ in their retries, warnings and defaults, have nothing to add.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlencode, urlsplit

import elastic_transport as wire
import orjson
from elastic_transport import ConnectionError as WireConnectionError

from multirecall.core.errors import EngineUnavailable, InvalidInput, InvalidSettings
from multirecall.engines.credentials import Credentials, TlsSettings
from multirecall.engines.servers.errors import raise_for

__all__ = ["Answer", "RequestTimedOut", "Transport", "dumps", "json_lines"]

_CONNECTIONS = 32
_PLAIN = ",*"  # kept as they are in a query, which so stays short: the connection reads it over character by character
_JSON = "application/json"
_LINES = "application/x-ndjson"


class RequestTimedOut(EngineUnavailable):
    """No answer within the time of the request; what the server did with it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`headers` have lower-case names."""

    status: int
    body: Any
    headers: Mapping[str, str]


def dumps(value: Any) -> bytes:
    """JSON; numpy arrays as lists. Raises TypeError for what is no JSON, lone surrogates among it."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def json_lines(values: Iterable[Any]) -> bytes:
    """One JSON value a line, as `_msearch` reads them."""
    return b"".join(dumps(value) + b"\n" for value in values)


class Transport:
    """Requests to one address. Safe for several threads.

    `url` is shown in messages; it holds no secret, because credentials travel in a header only.
    """

    def __init__(
        self,
        host_url: str,
        *,
        scheme: str,
        credentials: Credentials | None,
        tls: TlsSettings | None,
        timeout_s: float,
    ) -> None:
        self.url = f"{scheme}+{host_url}"
        self._scheme = scheme
        self._timeout_s = timeout_s
        self._closed = threading.Event()
        self._headers = {"accept": _JSON} | ({"authorization": credentials.header()} if credentials else {})
        self._wire = _opened(host_url, tls or TlsSettings(), timeout_s, self.url)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        index: str = "",
    ) -> Any:
        """The JSON of the answer. Raises what `failure` makes of an error status; `index` is named there."""
        answer = self.exchange(method, path, body=body, params=params, timeout_s=timeout_s)
        raise_for(answer.status, answer.body, url=self.url, index=index, retry_after=answer.headers.get("retry-after"))
        return answer.body

    def exchange(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """The answer, whatever its status. `body`: a JSON value, or bytes that are JSON lines already.

        Blocks for `timeout_s` at most (None: the transport's own limit). Raises InvalidInput after `close`,
        EngineUnavailable if there is no connection, RequestTimedOut if there is no answer in time, and
        InvalidSettings for a certificate that is not trusted or an answer that is no JSON.
        """
        if self._closed.is_set():
            raise InvalidInput(f"The engine {self.url} is closed.", hint="Open it again.", field="engine")
        headers = dict(self._headers)
        if body is not None:
            headers["content-type"] = _LINES if isinstance(body, bytes) else _JSON
        target = f"{path}?{urlencode(params, safe=_PLAIN)}" if params else path
        sent = body if body is None or isinstance(body, bytes) else dumps(body)

        def perform() -> tuple[Any, Any]:
            return self._wire.perform_request(
                method, target, body=sent, headers=headers, request_timeout=timeout_s or self._timeout_s
            )

        try:
            try:
                meta, parsed = perform()
            except WireConnectionError as error:
                # A connection kept from before the server was started anew looks whole until it is used.
                if not (_was_cut(error) and _only_reads(method, path)):
                    raise
                meta, parsed = perform()
        except wire.ConnectionTimeout:
            waited = timeout_s or self._timeout_s
            raise RequestTimedOut(
                f"{self.url} gave no answer within {waited:.3g} s.",
                hint="Set MULTIRECALL_ENGINE_TIMEOUT_S higher if the server is slow but well.",
                engine=self.url,
            ) from None
        except wire.TlsError as error:
            raise InvalidSettings(
                f"{self.url}: the encrypted connection failed: {_cause(error)}",
                hint="Set MULTIRECALL_ENGINE_CA_FILE to the authority's PEM file; check http against https.",
                field="engine_ca_file",
            ) from None
        except WireConnectionError as error:
            raise EngineUnavailable(
                f"Cannot reach {self.url}: {_cause(error)}",
                hint=f"Is it running? `multirecall engine up {self._scheme}` starts one.",
                engine=self.url,
            ) from None
        except wire.SerializationError:
            raise InvalidSettings(
                f"{self.url} answers, but not in JSON: no search server is there.",
                hint="Check the address and port of the engine URL.",
                field="engine",
            ) from None
        return Answer(
            status=meta.status,
            body=parsed,
            headers={name.lower(): value for name, value in meta.headers.items()},
        )

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._wire.close()


class _OneNode(wire.NodePool):
    """The pool of a single address: there is no other to turn to, so none is set aside (and none logged) as dead."""

    def mark_dead(self, node: wire.BaseNode, _now: float | None = None) -> None:
        """Keeps it: the next request tries again."""

    def mark_live(self, node: wire.BaseNode) -> None:
        """Nothing to undo."""


class _Json(wire.JsonSerializer):
    """Reads with orjson; what is sent is bytes already."""

    def json_loads(self, data: bytes) -> Any:
        return orjson.loads(data)


class _Lines(wire.NdjsonSerializer):
    def dumps(self, data: Any) -> bytes:
        return bytes(data)


def _opened(host_url: str, tls: TlsSettings, timeout_s: float, url: str) -> wire.Transport:
    parts = urlsplit(host_url)
    secured: dict[str, Any] = {}
    if parts.scheme == "https":
        secured = {
            "verify_certs": tls.verify,
            "ssl_show_warn": False,
            "ca_certs": str(tls.ca_file) if tls.ca_file else None,
            "client_cert": str(tls.client_cert) if tls.client_cert else None,
            "client_key": str(tls.client_key) if tls.client_key else None,
        }
    try:
        node = wire.NodeConfig(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 9200),
            path_prefix=parts.path.rstrip("/"),
            connections_per_node=_CONNECTIONS,
            request_timeout=timeout_s,
            **secured,
        )
        # Retrying is the caller's: only it knows what may be sent twice and how long there is.
        return wire.Transport(
            [node],
            node_pool_class=_OneNode,
            max_retries=0,
            meta_header=False,
            serializers={_JSON: _Json(), _LINES: _Lines()},
        )
    except (ValueError, OSError) as error:
        raise InvalidSettings(
            f"{url}: {error}", hint="Check the engine URL and the TLS settings.", field="engine"
        ) from None


def _only_reads(method: str, path: str) -> bool:
    """Whether a request may be sent twice."""
    return method == "GET" or path.endswith(("/_msearch", "/_search", "/_mget", "/_count", "/_refresh"))


def _was_cut(error: wire.TransportError) -> bool:
    """Whether there was a connection, and the other side ended it."""
    seen: list[BaseException] = [error]
    while seen:
        one = seen.pop()
        if isinstance(one, ConnectionResetError | BrokenPipeError | RemoteDisconnected):
            return True
        if isinstance(one, wire.TransportError):
            seen += one.errors
        seen += [inner for inner in (one.__cause__, *one.args) if isinstance(inner, BaseException)]
    return False


def _cause(error: wire.TransportError) -> str:
    """The innermost message, without the object addresses that libraries print."""
    inner: BaseException = error.errors[0] if error.errors else error
    found = getattr(inner, "reason", None) or inner.__cause__ or inner
    return str(found).rpartition(">: ")[2] or type(found).__name__
