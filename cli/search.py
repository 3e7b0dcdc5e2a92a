"""`multirecall search`."""

from __future__ import annotations

from typing import Annotated

import typer

from multirecall.cli.output import console, print_json, stderr
from multirecall.cli.show_explanation import why_view
from multirecall.cli.show_page import page_as_dict, page_view
from multirecall.cli.state import command
from multirecall.core.errors import DeadlineExceeded, EngineError
from multirecall.search.filter_syntax import parse_facet, parse_filters, parse_sort
from multirecall.search.understand import understand
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings

__all__ = ["search"]


@command
def search(
    text: Annotated[str, typer.Argument(help="What the shopper typed; empty shows the most popular products.")],
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    filter: Annotated[
        list[str] | None,
        typer.Option("--filter", "-f", help="brand=HP, 'price<=100', in_stock=true, attributes.colour=Black|White"),
    ] = None,
    facet: Annotated[list[str] | None, typer.Option(help="brand, category:25, price:50,100,500")] = None,
    sort: Annotated[list[str] | None, typer.Option(help="price, price:desc, popularity:desc")] = None,
    routes: Annotated[str | None, typer.Option(help="lexical, dense, or both with a comma.")] = None,
    fusion: Annotated[str | None, typer.Option(help="weighted_sum, rrf, 'rrf?k=20', 'weighted_sum?dense=0.6'")] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder; must be the one that made the index.")] = None,
    size: Annotated[int, typer.Option(min=1, max=1000, help="Products on the page.")] = 10,
    offset: Annotated[int, typer.Option(min=0, max=999, help="Products to skip.")] = 0,
    timeout: Annotated[float | None, typer.Option(min=0.001, max=600, help="Time budget in seconds.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each product's score is made of.")] = False,
    why: Annotated[
        tuple[str, str] | None, typer.Option(help="Two product ids: why the first stands before the second.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search an index.

    Example: multirecall search "usb c cable 2m" --filter brand=StarTech.com --facet brand --explain
    """
    settings = load_settings()
    units = settings.price_minor_units
    query = understand(
        text,
        filter=parse_filters(filter or [], minor_units=units),
        sort=parse_sort(sort or []),
        facets=tuple(parse_facet(f, minor_units=units) for f in facet or []),
        offset=offset,
        size=size,
    )
    with opened_searcher(
        settings,
        engine_url=engine,
        routes=routes,
        fusion=fusion,
        encoder=encoder,
        candidates=max(settings.candidates, offset + size),
        timeout_s=timeout,
    ) as opened:
        if why is not None:
            found = opened.searcher.why(query, *why)
            if as_json:
                print_json({"index": opened.index.name, "query": query.text, "why": found})
            else:
                console.print(why_view(found))
            return
        page = opened.searcher.search(query, explain=explain)
    if as_json:
        print_json({"index": opened.index.name, **page_as_dict(page), "notes": [*opened.notes, *page.notes]})
    else:
        for note in opened.notes:
            stderr.print(f"[yellow]{note}[/]")
        console.print(page_view(page, minor_units=units, explain=explain, width=console.width))
    if page.routes and len(page.degraded) == len(page.routes):
        late = all(status == "timed_out" for status in page.degraded.values())
        kind = DeadlineExceeded if late else EngineError
        raise kind("No route answered.", hint="Give more time with --timeout, or look at the engine's log.")
