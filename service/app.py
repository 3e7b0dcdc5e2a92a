"""The app: endpoints, and around them the layers that every request passes. Made by `make_service` of its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import Scope

from multirecall import __version__
from multirecall.service.body_limit import BodyLimit
from multirecall.service.describing import describe
from multirecall.service.edge import Edge
from multirecall.service.endpoints import (
    add_events,
    add_explain,
    add_products,
    add_search,
    add_state,
    add_suggest,
)
from multirecall.service.gate import Gate
from multirecall.service.keys import Role
from multirecall.service.page.endpoints import add_page
from multirecall.service.parts import ServiceParts
from multirecall.service.problems import add_problems
from multirecall.service.repeated import KnownAnswers, RepeatedSearches
from multirecall.service.request import note_of
from multirecall.service.tracing import NO_TRACES

__all__ = ["make_service"]

_EXPOSED = ["x-request-id", "retry-after"]


def make_service(parts: ServiceParts) -> FastAPI:
    """The HTTP API. From outside in: edge (ids, headers, logs), CORS, gate (hosts, keys, rates), body limit,
    searches known by heart, endpoints.

    At `/` the web page is served, if `parts` has one. The places of `parts` are closed when the app ends.
    """
    options = parts.options

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.suggester.look()
        yield
        for places in (parts.searches, parts.errands, parts.probes):
            places.close()
        if parts.access_log is not None:
            parts.access_log.flush()

    app = FastAPI(
        title="multirecall",
        version=__version__,
        description="Hybrid product search: several recall routes, one ranking, an answer that explains itself.",
        docs_url="/docs",
        redoc_url=None,
        lifespan=lifespan,
    )
    add_problems(app)
    known = KnownAnswers(parts.answers, max_bytes=options.answers_bytes)
    parts.metrics.kept_answers(lambda: known.nbytes)
    for router in (
        add_search(parts, known),
        add_suggest(parts),
        add_explain(parts),
        *add_products(parts),
        add_events(parts),
        *add_state(parts),
        *(add_page(parts.page) if parts.page is not None else ()),
    ):
        app.include_router(router)
    describe(app, metrics_open=options.metrics_open)

    # What is added last is outermost.
    if parts.traces is NO_TRACES:  # a trace wants every search told with its stages
        app.add_middleware(RepeatedSearches, known=known, metrics=parts.metrics)
    app.add_middleware(BodyLimit, limits=options.body_bytes, metrics=parts.metrics)
    app.add_middleware(
        Gate,
        keys=parts.keys,
        rates=parts.rates,
        hosts=options.hosts,
        # Known before the body is read: who may not write sends no megabytes. Prometheus has no role of its own.
        roles={"/v1/products": Role.WRITE} | ({} if options.metrics_open else {"/metrics": Role.ADMIN}),
        metrics=parts.metrics,
    )
    if options.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "x-api-key", "x-request-id", "traceparent"],
            expose_headers=_EXPOSED,
        )
    app.add_middleware(Edge, metrics=parts.metrics, endpoint_of=_endpoint_of, access_log=parts.access_log)
    return app


def _endpoint_of(scope: Scope) -> str:
    """The path of the endpoint as it is described; `other` for what no endpoint answered, the page's files included."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else note_of(scope).endpoint or "other"
