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
    StorageFull,
    StoreUnavailable,
    UnsupportedFeature,
)
from multirecall.service.request import note_of

__all__ = ["add_problems", "problem", "problem_of"]

_log = logging.getLogger("multirecall.service")

_STATUS: tuple[tuple[type[MultirecallError], int], ...] = (
    (InvalidInput, 422),
    (UnsupportedFeature, 422),
    (NotFound, 404),
    (Backpressure, 429),
    (DeadlineExceeded, 504),
    (StorageFull, 507),
    (EngineError, 503),
    (StoreUnavailable, 503),
)
_CODES = {"forbidden": 403, "page_expired": 410}

_FROM_US = "The service cannot answer just now."


def add_problems(app: FastAPI) -> None:
    """Every error that the app expects becomes a problem; the others end at the edge (`edge.py`)."""
    handlers: list[tuple[Any, Callable[..., JSONResponse]]] = [
        (MultirecallError, _ours),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def problem(status: int, code: str, title: str, *, detail: str = "", **more: Any) -> JSONResponse:
    """A problem as a response."""
    headers = {"retry-after": str(max(1, round(more["retry_after_s"])))} if "retry_after_s" in more else None
    body = {"type": f"urn:multirecall:{code}", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=headers)


def problem_of(error: MultirecallError, request_id: str) -> dict[str, Any]:
    """What is told of an error: what the caller got wrong whole, of our own trouble only what it is."""
    status = _CODES.get(error.code) or next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    body: dict[str, Any] = {"type": f"urn:multirecall:{error.code}", "status": status}
    if isinstance(error, NotFound) and "engine" in error.data:  # its text names the engine
        body |= {"type": "urn:multirecall:not_ready", "status": 503}
        body |= {"title": "There is no index to search yet.", "detail": "Try again later."}
    elif status >= 500:
        body |= {"title": _FROM_US, "detail": "Try again later."}
    else:
        body |= {"title": error.message, "detail": error.hint}
        if isinstance(error.data.get("field"), str):
            body["field"] = error.data["field"]
    if "retry_after_s" in error.data:
        body["retry_after_s"] = error.data["retry_after_s"]
    return {**body, "request_id": request_id}


def _ours(request: Request, error: MultirecallError) -> JSONResponse:
    note = note_of(request.scope)
    body = problem_of(error, note.id)
    if body["status"] >= 500:
        _log.error("%s %s: %s", request.method, request.url.path, error, extra={"request": note.id})
    code = body.pop("type").rpartition(":")[2]
    return problem(body.pop("status"), code, body.pop("title"), **body)


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])[:200]  # the first says where it stood: body or query
    told = {"field": field, "request_id": note_of(request.scope).id}
    return problem(422, "invalid_input", f"{field or 'The body'}: {first['msg']}.", **told)


def _http(request: Request, error: HTTPException) -> JSONResponse:
    if error.status_code == 400:  # FastAPI's word for a body that is not even text; to the caller it is one kind
        title = "The body is no JSON in UTF-8."
        return problem(422, "invalid_input", title, field="", request_id=note_of(request.scope).id)
    answer = problem(error.status_code, "http", str(error.detail), request_id=note_of(request.scope).id)
    answer.headers.update(error.headers or {})
    return answer
