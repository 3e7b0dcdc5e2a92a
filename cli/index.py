"""`multirecall index`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from multirecall.cli.bar import clock, drawn_bar
from multirecall.cli.by_workers import run_by_workers
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.show_mapping import mapping_table
from multirecall.cli.show_warnings import warnings_view
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput, InvalidMapping
from multirecall.indexer.build import BuildOptions, build
from multirecall.indexer.mapping import Mapping, read_mapping
from multirecall.indexer.new_schema import IndexShape
from multirecall.indexer.progress import BuildProgress, OnProgress
from multirecall.indexer.report import BuildReport
from multirecall.indexer.sources import Catalogue
from multirecall.wiring.engines import index_encoders, opened_engine
from multirecall.wiring.labellers import index_labellers
from multirecall.wiring.settings import CONFIG_FILE, Settings, load_settings

__all__ = ["chosen_mapping", "index", "index_catalogue", "progress_bar", "report_view"]

REJECTS = Path("multirecall-rejects.jsonl")


def chosen_mapping(path: Path | None) -> Mapping | None:
    """The mapping of `path`; without one, that of multirecall.toml in this folder if it has one."""
    if path is not None:
        mapping = read_mapping(path)
        if mapping is None:
            raise InvalidMapping(
                f"{path} has no table [mapping].",
                hint=f"`multirecall mapping suggest FILE > {path}` writes one.",
                field="mapping",
            )
        return mapping
    default = Path(CONFIG_FILE)
    return read_mapping(default) if default.is_file() else None


@contextmanager
def progress_bar(shown: bool) -> Iterator[OnProgress]:
    """Draws a build's progress on standard error: share, products, rate, time left."""
    with drawn_bar("preparing", shown=shown) as draw:

        def on_progress(state: BuildProgress) -> None:
            done = f"{state.written:,} products"
            if state.written:
                left = "time left unknown" if state.left_s is None else f"{clock(state.left_s)} left"
                done += f" · {state.rate_per_s:,.0f}/s · {left}"
            done += f" · {state.rejected:,} rejected" if state.rejected else ""
            draw(state.stage, state.share, done)

        yield on_progress


def index_catalogue(
    settings: Settings,
    sources: list[str],
    *,
    engine_url: str | None,
    encoder: str,
    mapping: Mapping | None,
    options: BuildOptions,
    show_progress: bool,
) -> BuildReport:
    """One build with everything opened from the settings; encoder `none` makes an index without vectors."""
    source = Catalogue(sources)
    encoders, labellers = index_encoders(settings, encoder), index_labellers(settings.labels)
    with opened_engine(settings, engine_url, create=True) as engine, progress_bar(show_progress) as on_progress:
        return build(
            engine,
            source,
            encoders=encoders,
            labellers=labellers,
            mapping=mapping,
            options=options,
            on_progress=on_progress,
        )


def report_view(report: BuildReport, engine_url: str) -> None:
    """Prints the report: what went in, what did not and why, what was guessed, and how to go on."""
    if report.mapping_suggested:
        console.print(mapping_table(report.mapping, report.mapping_reasons))
        console.print(
            f"[dim]This proposal was used; to change it: multirecall mapping suggest … > {CONFIG_FILE}[/]",
            soft_wrap=True,
        )
    vectors = ""
    if report.vector_fingerprints:
        vectors = f"; vectors: {report.encoded:,} encoded, {report.reused:,} reused"
    console.print(
        f"[bold]{report.written:,} products[/] in index [bold]{printable(report.index)}[/] "
        f"in {report.seconds['total']:.1f} s ({report.rate_per_s:,.0f}/s){vectors}",
        soft_wrap=True,
    )
    if report.previous:
        console.print(f"It replaced {printable(report.previous)} in one step.", style="dim")
    if report.rejected:
        console.print(f"[bold yellow]{report.rejected:,} of {report.read:,} rows were rejected[/]:")
        for reason, count in list(report.rejects_by_reason.items())[:8]:
            console.print(f"  {count:,} x {printable(reason)}", soft_wrap=True)
        console.print(f"  All of them, with line and reason: {printable(report.rejects_path or '')}", soft_wrap=True)
    warnings_view(report.warnings)
    console.print(f'Search it: multirecall search "…" --engine {printable(engine_url)}', style="dim", soft_wrap=True)


def _index_by_workers(
    settings: Settings, engine_url: str | None, spec: dict[str, Any], *, detach: bool, as_json: bool
) -> None:
    """Starts the job and follows it."""
    from multirecall.workers.wiring import absolute

    wanted = {**spec, "sources": absolute(spec["sources"])}
    run_by_workers(settings, engine_url, "index", wanted, detach=detach, as_json=as_json)


@command
def index(
    sources: Annotated[
        list[str], typer.Argument(help="Files, folders or patterns: .json, .jsonl, .csv, .parquet, .gz, .zip")
    ],
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    encoder: Annotated[str | None, typer.Option(help="onnx, onnx?precision=fp32, static, …, or none.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help=f"File with a table [mapping]; default {CONFIG_FILE}, else a proposal.")
    ] = None,
    rejects: Annotated[Path, typer.Option(help="Where rejected rows are written.")] = REJECTS,
    vector_index: Annotated[str | None, typer.Option(help="hnsw, int8_hnsw, bbq_hnsw or flat.")] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Indexes that stay, the new one included.", show_default="from settings"),
    ] = None,
    reuse: Annotated[bool, typer.Option(help="Reuse vectors of unchanged products.")] = True,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Go live even with less than half of the products of before.")
    ] = False,
    workers: Annotated[bool, typer.Option("--workers", help="Let the workers do it; files as they see them.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="With --workers: do not wait.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Index a catalogue into a new physical index and make it live in one step.

    Example: multirecall index catalogue.json.zip more.csv --engine embedded:shop
    """
    settings = load_settings()
    if workers:
        own = {"--keep": keep is not None, "--vector-index": vector_index is not None, "--no-reuse": not reuse}
        given = [option for option, is_given in own.items() if is_given]
        if given:
            raise InvalidInput(
                f"{', '.join(given)} cannot be used with --workers.",
                hint="The workers go by their own settings (keep_generations, vector_index) and always reuse vectors.",
                field=given[0],
            )
        spec = {
            "sources": sources,
            "encoder": encoder or settings.encoder,
            "labels": settings.labels,
            "mapping": found.to_dict() if (found := chosen_mapping(mapping)) else None,
            "rejects_path": None if rejects == REJECTS else str(rejects.absolute()),
            "allow_shrink": allow_shrink,
        }
        _index_by_workers(settings, engine, spec, detach=detach, as_json=as_json)
        return
    report = index_catalogue(
        settings,
        sources,
        engine_url=engine,
        encoder=encoder or settings.encoder,
        mapping=chosen_mapping(mapping),
        options=BuildOptions(
            rejects_path=rejects,
            keep=keep or settings.keep_generations,
            reuse_vectors=reuse,
            allow_shrink=allow_shrink,
            shape=IndexShape(vector_index=vector_index or settings.vector_index or None),
        ),
        show_progress=not as_json,
    )
    if as_json:
        print_json(report.to_dict())
    else:
        report_view(report, engine or settings.engine)
