"""`multirecall rewriters precompute`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.bar import drawn_bar
from multirecall.cli.by_workers import run_by_workers
from multirecall.cli.output import print_json
from multirecall.cli.show_rewrites import precomputed_view
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput
from multirecall.wiring.settings import Settings, load_settings

__all__ = ["precompute_command"]


@command
def precompute_command(
    queries: Annotated[
        Path | None,
        typer.Option(
            help="Queries: one a line, a table with a column `query`, or UBI logs; a file or a folder.",
            show_default="events of the service",
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=1_000_000, help="Only the most frequent ones.")] = 1_000,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    workers: Annotated[bool, typer.Option("--workers", help="Let a worker do it; files as it sees them.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="With --workers: do not wait.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask the language model for rewrites of frequent queries now, so that searches find them in the cache.

    Example: multirecall rewriters precompute --queries queries.txt --workers
    """
    settings = load_settings()
    if workers:
        _by_workers(settings, engine, queries, most, detach=detach, as_json=as_json)
        return
    from multirecall.wiring.precomputing import frequent_queries, precompute

    source = queries or settings.events_dir
    if source is None or not source.exists():
        raise InvalidInput(
            f"There are no queries at {source}." if source else "There are no queries, and no events are kept.",
            hint="Give --queries FILE.",
            field="queries",
        )
    with drawn_bar("rewriting", shown=not as_json) as draw:
        found = precompute(
            settings,
            frequent_queries(source, most=most),
            engine_url=engine,
            on_step=lambda done, planned: draw(
                "rewriting", done / planned if planned else None, f"{done:,} of {planned:,}"
            ),
        )
    if as_json:
        print_json(found.to_dict())
    else:
        precomputed_view(found.to_dict())


def _by_workers(
    settings: Settings, engine: str | None, queries: Path | None, most: int, *, detach: bool, as_json: bool
) -> None:
    """Starts the job and follows it."""
    from multirecall.workers.wiring import absolute

    spec = {"queries": absolute([str(queries)])[0] if queries else None, "most": most}
    run_by_workers(settings, engine, "rewrites", spec, detach=detach, as_json=as_json)
