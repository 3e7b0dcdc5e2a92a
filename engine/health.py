"""Asks a server whether it is ready, without any client library and past any proxy."""

from __future__ import annotations

import http.client
import json
import socket

from .commands import HOST

__all__ = ["health"]


def health(kind: str, port: int, *, timeout_s: float = 2.0) -> str | None:
    """`green`, `yellow` or `red` as the server says itself (Redis: `green`); None when it does not answer.

    Blocks for at most `timeout_s` per socket operation.
    """
    try:
        return _redis_health(port, timeout_s) if kind == "redis" else _node_health(port, timeout_s)
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _redis_health(port: int, timeout_s: float) -> str | None:
    with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
        connection.sendall(b"PING\r\n")
        return "green" if connection.recv(16).startswith(b"+PONG") else None


def _node_health(port: int, timeout_s: float) -> str | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", "/_cluster/health")
        response = connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            return None
        status = json.loads(body).get("status")
        return status if isinstance(status, str) else None
    finally:
        connection.close()
