"""The OpenAPI document: what FastAPI knows by itself, and who may ask what."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

__all__ = ["describe"]

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
_REQUEST_ID = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "a name of your own for the request; logs and the answer carry it",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"},
}


def describe(app: FastAPI, *, metrics_open: bool) -> None:
    """Adds the security schemes, and the request id that every endpoint under `/v1` takes. Made once, when asked."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = plain()
            made["components"]["securitySchemes"] = _SCHEMES
            for path, operations in made["paths"].items():
                needs_key = path.startswith("/v1/") or (path == "/metrics" and not metrics_open)
                for operation in operations.values():
                    _complete(operation, needs_key=needs_key)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], *, needs_key: bool) -> None:
    if needs_key:
        # The empty one: a service without keys lets everybody in.
        operation["security"] = [{"bearer": []}, {"key": []}, {}]
        operation.setdefault("parameters", []).append(_REQUEST_ID)
    for status, response in operation["responses"].items():
        # FastAPI lists every model as application/json too; problems have a type of their own.
        content = response.get("content", {})
        if not status.startswith("2") and "application/problem+json" in content:
            content.pop("application/json", None)
