"""`multirecall run`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from multirecall.cli.output import console, print_json, printable, stderr
from multirecall.cli.state import command
from multirecall.evaluation.queries import read_queries
from multirecall.evaluation.runs import RunWriter
from multirecall.search.understand import understand
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings

__all__ = ["run"]


@command
def run(
    queries: Annotated[Path, typer.Option(help="Tab-separated file: qid, query; or with a header naming them.")],
    out: Annotated[Path, typer.Option(help="Run file to write, in TREC format.")],
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    routes: Annotated[str | None, typer.Option(help="lexical, dense, or both with a comma.")] = None,
    fusion: Annotated[str | None, typer.Option(help="weighted_sum, rrf, 'rrf?k=20', 'weighted_sum?dense=0.6'")] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder; must be the one that made the index.")] = None,
    size: Annotated[int, typer.Option(min=1, max=1000, help="Results per query.")] = 100,
    timeout: Annotated[float | None, typer.Option(min=0.001, max=600, help="Time budget per query, s.")] = None,
    tag: Annotated[str, typer.Option(help="Name of the run, written in its last column.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Answer a file of queries and write the results as a TREC run.

    Example: multirecall run --queries queries.tsv --out lexical.trec --routes lexical
    """
    settings = load_settings()
    judged = read_queries(queries)
    degraded: dict[str, dict[str, str]] = {}
    empty, n_hits, took_ms = [], 0, []
    with (
        opened_searcher(
            settings,
            engine_url=engine,
            routes=routes,
            fusion=fusion,
            encoder=encoder,
            candidates=max(settings.candidates, size),
            timeout_s=timeout,
        ) as opened,
        RunWriter(out, tag or "+".join(r.name for r in opened.searcher.routes)) as writer,
        Progress(
            TextColumn("[progress.description]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=stderr,
            transient=True,
            disable=as_json or not stderr.is_terminal,
        ) as progress,
    ):
        for note in opened.notes:
            stderr.print(f"[yellow]{note}[/]")
        for query in progress.track(judged, description="queries"):
            started = time.perf_counter()
            answer = opened.searcher.rank(understand(query.text, size=1), size)
            took_ms.append((time.perf_counter() - started) * 1000.0)
            found = writer.write(query.qid, ((hit.id, hit.score) for hit in answer.hits))
            n_hits += found
            if not found:
                empty.append(query.qid)
            if answer.degraded:
                degraded[query.qid] = answer.degraded
        report = {
            "run": str(out),
            "index": opened.index.name,
            "routes": [r.name for r in opened.searcher.routes],
            "fusion": repr(opened.searcher.fusion),
            "queries": len(judged),
            "hits": n_hits,
            "queries_without_hits": empty,
            "degraded": degraded,
            "p50_ms": sorted(took_ms)[len(took_ms) // 2],
            "p95_ms": sorted(took_ms)[int(len(took_ms) * 0.95)],
        }
    if as_json:
        print_json(report)
        return
    console.print(
        f"{printable(str(out))}: {len(judged)} queries, {n_hits} hits by {', '.join(report['routes'])}, "  # type: ignore[arg-type]
        f"{report['fusion']}; p50 {report['p50_ms']:.1f} ms, p95 {report['p95_ms']:.1f} ms"
    )
    if empty:
        console.print(f"[yellow]{len(empty)} queries found nothing:[/] {printable(', '.join(empty[:10]))}")
    if degraded:
        console.print(
            f"[bold yellow]{len(degraded)} answers are incomplete[/] (a route failed or was late): "
            f"{printable(', '.join(list(degraded)[:10]))}. Give more time with --timeout; --json tells the reasons."
        )
