"""The app: search, and whether it is alive and ready. Made by `make_service` from what it is given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse

from multirecall import __version__
from multirecall.core.errors import MultirecallError
from multirecall.search.live import LiveSearcher
from multirecall.service.bodies import SearchBody
from multirecall.service.bodies.searching import MAX_FILTERS, Expression
from multirecall.service.body_limit import BodyLimit
from multirecall.service.problems import add_problems
from multirecall.service.rendering import page_answer

__all__ = ["make_service"]

_log = logging.getLogger("multirecall.service")

Check = Callable[[], None]
"""Raises a MultirecallError if a part that the service depends on does not work."""


def make_service(searcher: LiveSearcher, *, checks: dict[str, Check], minor_units: int) -> FastAPI:
    """The HTTP API over one searcher. `checks` by the name of the part, asked by `/readyz`."""
    app = FastAPI(
        title="multirecall",
        version=__version__,
        description="Hybrid product search: several recall routes, one ranking, an answer that explains itself.",
        docs_url="/docs",
        redoc_url=None,
    )
    add_problems(app)
    app.add_middleware(BodyLimit)

    def answer(body: SearchBody) -> JSONResponse:
        timeout_s = None if body.timeout_ms is None else body.timeout_ms / 1000.0
        page = searcher.search(body.to_query(minor_units), timeout_s=timeout_s, explain=body.explain)
        return JSONResponse(page_answer(page))

    @app.post("/v1/search", summary="Search")
    def search(body: SearchBody) -> JSONResponse:
        """One page of products, with each route's part in it."""
        return answer(body)

    @app.get("/v1/search", summary="Search, the simple case")
    def simple_search(
        q: Annotated[str, Query(max_length=10_000, description="what the shopper typed")] = "",
        size: Annotated[int, Query(ge=1, le=1000, description="products on the page")] = 10,
        offset: Annotated[int, Query(ge=0, lt=1000, alias="from", description="products to skip")] = 0,
        filters: Annotated[
            list[Expression] | None, Query(alias="filter", max_length=MAX_FILTERS, description="brand=HP, price<=100")
        ] = None,
    ) -> JSONResponse:
        """The same by a URL."""
        return answer(SearchBody.model_validate({"query": q, "size": size, "from": offset, "filters": filters or []}))

    @app.get("/healthz", summary="Whether the process answers")
    def healthz() -> dict[str, str]:
        """Always the same while the process lives: it asks nobody."""
        return {"status": "ok", "version": __version__}

    @app.get("/readyz", summary="Whether searches can be answered")
    def readyz() -> JSONResponse:
        """Asks every part; 503 names those that do not work."""
        parts: dict[str, Any] = {}
        for name, check in checks.items():
            try:
                check()
                parts[name] = "ok"
            except MultirecallError as error:
                _log.warning("%s is not ready: %s", name, error)
                parts[name] = error.code
        ready = all(state == "ok" for state in parts.values())
        body = {"status": "ready" if ready else "not ready", "generation": searcher.generation, "parts": parts}
        return JSONResponse(body, status_code=200 if ready else 503)

    return app
