"""`multirecall synthesize`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multirecall.cli.by_workers import run_by_workers
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.show_synthesis import synthesis_view
from multirecall.cli.show_training import training_steps
from multirecall.cli.state import command
from multirecall.wiring.settings import load_settings

if TYPE_CHECKING:
    from multirecall.wiring.synthesis import SynthesisSources

__all__ = ["synthesize"]


@command
def synthesize(
    out: Annotated[Path, typer.Option(help="Folder for pairs.jsonl, report.json and the journal.")],
    clicks: Annotated[list[Path] | None, typer.Option(help="Click logs whose tail queries are taken.")] = None,
    queries: Annotated[Path | None, typer.Option(help="Queries to take instead (qid, query).")] = None,
    judged_queries: Annotated[Path | None, typer.Option(help="Judged queries that teach the judges.")] = None,
    judgments: Annotated[Path | None, typer.Option(help="Their grades.", show_default="the catalogue labels")] = None,
    complete: Annotated[bool, typer.Option("--complete", help="The judgments name every good product.")] = False,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    cross_encoder: Annotated[
        str, typer.Option(help="Cross-encoder as the general judge (extra `train`).", show_default="the encoder")
    ] = "",
    precision: Annotated[float, typer.Option(min=0.5, max=1, help="Wanted of each judge alone.")] = 0.9,
    min_intent: Annotated[
        float, typer.Option(min=0, max=1, help="Least confidence of a rewriting; 0 leaves all to the judges.")
    ] = 0.7,
    candidates: Annotated[int, typer.Option(min=10, max=1000, help="Of BM25, and of dense, per rewriting.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same judges.")] = 0,
    workers: Annotated[bool, typer.Option("--workers", help="Let a worker do it; files as it sees them.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="With --workers: do not wait.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make (query, product) pairs for queries without clicks: rewrite, look up, let two judges agree.

    Interrupted, it goes on where it was. Without logs or queries it takes those that its knowledge gives.

    Example: multirecall synthesize --clicks events.jsonl --out pairs
    """
    from multirecall.wiring.synthesis import SynthesisSources, synthesized

    sources = SynthesisSources(
        clicks=tuple(clicks or ()),
        queries=queries,
        judged_queries=judged_queries,
        judgments=judgments,
        complete=complete,
        cross_encoder=cross_encoder,
        precision=precision,
        min_intent=min_intent,
        k=candidates,
        seed=seed,
    )
    if workers:
        _by_workers(engine, sources, out, detach=detach, as_json=as_json)
        return
    with training_steps(shown=not as_json) as on_step:
        report = synthesized(load_settings(), sources, out, engine_url=engine, on_step=on_step)
    if as_json:
        print_json({"out": str(out), **report.to_dict()})
        return
    synthesis_view(report.to_dict())
    console.print(f"Written to {printable(str(out / 'pairs.jsonl'))}.", soft_wrap=True)


def _by_workers(engine: str | None, sources: SynthesisSources, out: Path, *, detach: bool, as_json: bool) -> None:
    from multirecall.workers.wiring import absolute

    spec: dict[str, Any] = asdict(sources) | {"out": str(out.absolute())}
    spec["clicks"] = absolute([str(log) for log in sources.clicks])
    for name in ("queries", "judged_queries", "judgments"):
        spec[name] = absolute([str(spec[name])])[0] if spec[name] is not None else None
    run_by_workers(load_settings(), engine, "synthesize", spec, detach=detach, as_json=as_json)
