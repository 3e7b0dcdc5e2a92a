"""Errors as problem+json (RFC 9457): what is wrong, which field, what to do; never a trace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from multirecall.core.errors import (
    Backpressure,
    DeadlineExceeded,
    EngineError,
    InvalidInput,
    MultirecallError,
    NotFound,
    StoreUnavailable,
    UnsupportedFeature,
)

__all__ = ["add_problems", "problem"]

_log = logging.getLogger("multirecall.service")

_STATUS: tuple[tuple[type[MultirecallError], int], ...] = (
    (InvalidInput, 422),
    (UnsupportedFeature, 422),
    (NotFound, 404),
    (Backpressure, 429),
    (DeadlineExceeded, 504),
    (EngineError, 503),
    (StoreUnavailable, 503),
)


def add_problems(app: FastAPI) -> None:
    """Every error of the app becomes a problem."""
    handlers: list[tuple[Any, Callable[..., JSONResponse]]] = [
        (MultirecallError, _ours),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
        (Exception, _unexpected),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def problem(status: int, code: str, title: str, *, detail: str = "", **more: Any) -> JSONResponse:
    """A problem as a response."""
    headers = {"retry-after": str(max(1, round(more["retry_after_s"])))} if "retry_after_s" in more else None
    body = {"type": f"urn:multirecall:{code}", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=headers)


def _ours(request: Request, error: MultirecallError) -> JSONResponse:
    """What the caller got wrong is told whole; of our own trouble only what it is, the rest is in the log."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if isinstance(error, NotFound) and "engine" in error.data:  # its text names the engine
        return problem(503, "not_ready", "There is no index to search yet.", detail="Try again later.")
    if status >= 500:
        _log.error("%s %s: %s", request.method, request.url.path, error)
        told = {"retry_after_s": error.data["retry_after_s"]} if "retry_after_s" in error.data else {}
        return problem(status, error.code, "The search cannot answer just now.", detail="Try again later.", **told)
    kept = {name: error.data[name] for name in ("field", "retry_after_s") if name in error.data}
    return problem(status, error.code, error.message, detail=error.hint, **kept)


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])  # the first says where it stood: body or query
    return problem(422, "invalid_input", f"{field or 'The body'}: {first['msg']}.", field=field)


def _http(request: Request, error: HTTPException) -> JSONResponse:
    return problem(error.status_code, "http", str(error.detail))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "internal", "Something went wrong here; it is logged.")
