"""The page's endpoints: its document and files, what it must know of the service, judgments and reports."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from multirecall import __version__
from multirecall.core.query import MAX_QUERY_CHARS
from multirecall.service.endpoints.routers import role_router
from multirecall.service.keys import Role
from multirecall.service.page.bodies import (
    JudgedQueriesResult,
    JudgedQueryOut,
    JudgmentsResult,
    PageResult,
    ReportOut,
    ReportsResult,
)
from multirecall.service.page.files import PageFiles, read_page
from multirecall.service.page.parts import PageParts

__all__ = ["VIEWS", "add_page"]

VIEWS = ("/", "/columns", "/compare", "/judge", "/status")
"""One document serves them all; its program shows the view that the path names."""

_FOREVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"


def add_page(parts: PageParts) -> tuple[APIRouter, ...]:
    """The routers of the page: what it asks, and its files. The files need no key; all they show does."""
    return _asked(parts), _files(read_page(), parts)


def _asked(parts: PageParts) -> APIRouter:
    router = role_router(Role.SEARCH, tag="page")
    judged = parts.judged

    @router.get("/page", summary="What the web page has to know")
    async def page() -> PageResult:
        """Facets to offer, routes, and what there is beyond the search."""
        return PageResult(
            version=__version__,
            minor_units=parts.minor_units,
            facets=list(parts.facets),
            routes=list(parts.routes),
            fusion=parts.fusion,
            judged_queries=len(judged.queries),
            reports=parts.reports is not None,
        )

    @router.get("/judgments", summary="The judgments of a query")
    async def judgments(
        q: Annotated[str, Query(max_length=MAX_QUERY_CHARS, description="the query's text; case does not matter")],
    ) -> JudgmentsResult:
        """From the files that the settings `judgments` and `judged_queries` name."""
        qid, grades = judged.find(q)
        return JudgmentsResult(query=q, qid=qid, grades=dict(grades), top_grade=judged.judgments.top_grade)

    @router.get("/judgments/queries", summary="The queries that are judged")
    async def judged_queries() -> JudgedQueriesResult:
        """All of them."""
        return JudgedQueriesResult(
            queries=[
                JudgedQueryOut(qid=query.qid, text=query.text, judged=len(judged.judgments.of(query.qid)))
                for query in judged.queries
            ]
        )

    @router.get("/reports", summary="The evaluation reports")
    def reports() -> ReportsResult:
        """Those in the folder that the setting `reports` names."""
        found = parts.reports.listed() if parts.reports is not None else []
        return ReportsResult(reports=[ReportOut(**asdict(one)) for one in found])

    return router


def _files(files: PageFiles, parts: PageParts) -> APIRouter:
    index = files.index

    async def view(_: Request) -> Response:
        return Response(index.body, media_type=index.media_type, headers={"cache-control": _REVALIDATE})

    async def asset(request: Request) -> Response:
        """Under the name of another version, as an open page asks for it after an update: what there is now, unkept."""
        file = files.assets.get(request.path_params["path"])
        if file is None:
            return PlainTextResponse("There is no such file.", status_code=404)
        kept = _FOREVER if request.path_params["version"] == files.version else _REVALIDATE
        return Response(file.body, media_type=file.media_type, headers={"cache-control": kept})

    def report(request: Request) -> Response:
        asked = request.query_params
        body = None
        if parts.reports is not None:
            body = parts.reports.read(
                request.path_params["name"], until=asked.get("until", ""), signature=asked.get("signature", "")
            )
        if body is None:
            return PlainTextResponse("This link has expired: open the report from the status page.", status_code=404)
        return Response(body, media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})

    router = APIRouter()
    router.routes.extend(Route(path, view, name=f"page:{path}") for path in VIEWS)
    router.routes.append(Route("/assets/{version}/{path:path}", asset, name="asset"))
    router.routes.append(Route("/reports/{name}", report, name="report"))
    return router
