"""A page of results as tables: what was found, which route found it, and how long each stage took."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from multirecall.cli.output import printable
from multirecall.cli.show_explanation import explained_table
from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.search.page import Page, PageHit

__all__ = ["page_as_dict", "page_view"]


def _price(product: Any, minor_units: int) -> str:
    minor = product.get("price_minor")
    if minor is None:
        return ""
    return f"{minor / 10**minor_units:,.{minor_units}f} {product.get('currency') or ''}".strip()


def _source_cell(hit: PageHit, route: str) -> str:
    source = next((s for s in hit.sources if s.route == route), None)
    if source is None:
        return "[dim]-[/]"
    return f"{source.rank}"


def _hits_table(page: Page, minor_units: int, width: int) -> Table:
    """Numbers keep their width; the title takes what is left, `width` being that of the terminal."""
    prices = [_price(hit.product, minor_units) for hit in page.hits]
    brand_width = 14 if width >= 100 else 10
    fixed = 3 + sum(max(4, len(r.name)) + 2 for r in page.routes) + 7 + brand_width + 2
    fixed += max((len(p) for p in prices), default=0) + 2 + min(20, max(len(h.id) for h in page.hits)) + 4
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    for route in page.routes:
        table.add_column(route.name, justify="right", style="cyan", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("product", overflow="ellipsis", no_wrap=True, max_width=max(20, width - fixed))
    table.add_column("brand", overflow="ellipsis", no_wrap=True, max_width=brand_width)
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("id", style="dim", overflow="ellipsis", no_wrap=True, max_width=20)
    for hit in page.hits:
        table.add_row(
            str(hit.rank),
            *(_source_cell(hit, route.name) for route in page.routes),
            f"{hit.score:.3f}",
            printable(str(hit.product.get("title") or "")),
            printable(str(hit.product.get("brand") or "")),
            _price(hit.product, minor_units),
            printable(hit.id),
        )
    return table


def _explain_table(page: Page) -> Table:
    """What each feature adds where the fusion is a model, else what each route adds."""
    if any(hit.explanation is not None and hit.explanation.by == "features" for hit in page.hits):
        return explained_table(page.hits)
    table = Table(title="Why each product is where it is", title_justify="left", box=None, header_style="bold")
    for name in ("#", "id", "route", "rank", "raw score", "normalised", "adds to score"):
        table.add_column(name, justify="left" if name in ("id", "route") else "right")
    for hit in page.hits:
        for position, source in enumerate(hit.sources):
            table.add_row(
                str(hit.rank) if position == 0 else "",
                printable(hit.id) if position == 0 else "",
                source.route,
                str(source.rank),
                f"{source.score:.4f}",
                "-" if source.normalised is None else f"{source.normalised:.4f}",
                f"{source.contribution:.4f}",
            )
    return table


def _bucket(count: FacetCount, field: str, minor_units: int) -> str:
    if count.gte is None and count.lt is None:
        return str(count.value)
    scale = 10**minor_units if field == "price_minor" else 1
    low = "" if count.gte is None else f"{count.gte / scale:g}"
    high = "" if count.lt is None else f"{count.lt / scale:g}"
    if not low:
        return f"< {high}"
    return f">= {low}" if not high else f"{low} - {high}"


def _facet_line(facet: FacetCounts, minor_units: int) -> Text:
    name = "price" if facet.field == "price_minor" else facet.field
    parts = ", ".join(f"{_bucket(c, facet.field, minor_units)} ({c.count})" for c in facet.counts)
    return Text.from_markup(f"[bold]{printable(name)}[/]: {printable(parts) or '[dim]no values[/]'}")


def _routes_line(page: Page) -> Text:
    parts = []
    for route in page.routes:
        found = f"{route.n_hits} hits" if route.total is None else f"{route.n_hits} of {route.total} matches"
        state = f"{found}, {route.took_ms:.1f} ms" if route.status.value == "ok" else f"{route.status.value}"
        error = f" ({printable(route.error)})" if route.error else ""
        parts.append(f"[cyan]{route.name}[/] {state}{error}")
    timings = ", ".join(f"{stage} {ms:.1f}" for stage, ms in page.timings_ms.items())
    return Text.from_markup(
        f"[dim]routes:[/] {' · '.join(parts)}\n[dim]fusion:[/] {page.fusion}   "
        f"[dim]took:[/] {page.took_ms:.1f} ms ({timings})"
    )


def _rewritings_lines(page: Page) -> list[Text]:
    """The other texts for the need, each with how sure it is, who made it and how."""
    return [
        Text.from_markup(
            f"[dim]in other words:[/] {printable(one.text)} "
            f"[dim]{one.confidence:.2f} {printable(one.by)}{printable(': ' + ', '.join(one.log)) if one.log else ''}[/]"
        )
        for one in page.rewritings
    ]


def page_view(page: Page, *, minor_units: int = 2, explain: bool = False, width: int = 100) -> RenderableType:
    """The page for a terminal: hits with their rank in every route, facets, routes with status, timings."""
    count = {"exact": "", "at_least": "at least ", "pool": "nearest "}[page.total.relation]
    parts: list[RenderableType] = [
        Text.from_markup(f"[bold]{printable(page.query.text or page.query.raw)}[/]  {count}{page.total.value} products")
    ]
    parts.extend(_rewritings_lines(page))
    parts.extend(Text.from_markup(f"[yellow]{printable(note)}[/]") for note in page.notes)
    if page.degraded:
        lost = ", ".join(f"{route} {status.replace('_', ' ')}" for route, status in page.degraded.items())
        parts.append(Text.from_markup(f"[bold yellow]Incomplete answer:[/] {lost}"))
    if page.hits:
        parts.append(_hits_table(page, minor_units, width))
    else:
        parts.append(Text("Nothing found. Try fewer words or fewer filters."))
    if page.facets:
        parts.append(Text(f"Facets over {page.facets_over} matches", style="dim"))
        parts.extend(_facet_line(facet, minor_units) for facet in page.facets)
    if explain and page.hits:
        parts.append(_explain_table(page))
    parts.append(_routes_line(page))
    return Group(*parts)


def page_as_dict(page: Page) -> dict[str, Any]:
    """The page as plain values for JSON, with every hit's sources and, if asked for, its whole explanation."""
    return {
        "query": {
            "raw": page.query.raw,
            "text": page.query.text,
            "codes": page.query.codes,
            "rewrites": page.query.rewrites,
            "rewritings": page.rewritings,
        },
        "hits": {
            "total": page.total,
            "hits": [
                {
                    "id": h.id,
                    "rank": h.rank,
                    "score": h.score,
                    "relevance": h.relevance,
                    "product": dict(h.product),
                    "sources": [source._asdict() for source in h.sources],
                    **({"explanation": h.explanation} if h.explanation else {}),
                }
                for h in page.hits
            ],
        },
        "facets": {"over": page.facets_over, "fields": page.facets},
        "routes": page.routes,
        "fusion": page.fusion,
        "degraded": dict(page.degraded),
        "notes": page.notes,
        "took_ms": page.took_ms,
        "timings_ms": dict(page.timings_ms),
    }
