"""`multirecall rebuild`, `multirecall rollback`, `multirecall generations`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from multirecall.cli.by_workers import started_view
from multirecall.cli.index import chosen_mapping, progress_bar, report_view
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.show_gate import gate_view
from multirecall.cli.show_job import follow_job
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Engine
from multirecall.indexer.build import BuildOptions, build
from multirecall.indexer.copying import copy_live
from multirecall.indexer.generations import line_of_generations, rollback_to
from multirecall.indexer.new_schema import IndexShape
from multirecall.indexer.sources import Catalogue
from multirecall.wiring.engines import index_encoders, opened_engine
from multirecall.wiring.gate import gate_by_settings
from multirecall.wiring.labellers import index_labellers
from multirecall.wiring.settings import Settings, load_settings

if TYPE_CHECKING:  # Redis and Celery are loaded by the commands that need them
    from multirecall.workers.deployment import Deployment

__all__ = ["generations", "rebuild", "rollback"]

EngineUrl = Annotated[str | None, typer.Option("--engine", help="Engine URL.", show_default="from settings")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class _Gate:
    """Judges a new index before it goes live; keeps the verdict."""

    def __init__(self, settings: Settings, engine_url: str | None, *, force: bool, quiet: bool) -> None:
        self._settings, self._engine_url, self._force, self._quiet = settings, engine_url, force, quiet
        self.verdict: dict[str, object] | None = None

    def __call__(self, live: str, new: str) -> None:
        verdict = gate_by_settings(self._settings, live, new, engine_url=self._engine_url)
        if verdict is None:
            if not self._quiet:
                console.print(
                    "[yellow]note:[/] the new index is not judged: set judgments and judged_queries (docs/workers.md)",
                    soft_wrap=True,
                )
            return
        if self._force:
            verdict = verdict.force()
        self.verdict = verdict.to_dict()
        if not self._quiet:
            console.print(gate_view(verdict))
        if not (verdict.passed or verdict.forced):
            raise InvalidInput(
                f"The new index was not made live: {verdict.reason}",
                hint="--force makes it live all the same.",
                field="gate",
                verdict=self.verdict,
            )


@command
def rebuild(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Catalogue files; none: from the live index itself.")
    ] = None,
    engine: EngineUrl = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder of the new index.", show_default="from settings")] = None,
    mapping: Annotated[Path | None, typer.Option(help="File with a table [mapping].")] = None,
    workers: Annotated[bool, typer.Option("--workers", help="Let the workers do it, with changes going on.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="With --workers: do not wait.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Go live whatever the gate says; this is recorded.")] = False,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Go live even with less than half of the products of before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a new index, judge it against the live one, and make it live if it is not worse. The old one stays ready.

    For another encoder, mapping or schema, without downtime. Vectors of unchanged texts are reused.

    Example: multirecall rebuild --encoder static --workers
    """
    settings = load_settings()
    chosen = chosen_mapping(mapping)
    if workers:
        from multirecall.workers.app import opened_deployment
        from multirecall.workers.store.job import JobKind
        from multirecall.workers.submitting import Submitter
        from multirecall.workers.wiring import absolute

        spec = {
            "sources": absolute(sources or []),
            "encoder": encoder or settings.encoder,
            "labels": settings.labels,
            "mapping": chosen.to_dict() if chosen else None,
            "force": force,
            "allow_shrink": allow_shrink,
        }
        with opened_deployment(settings, engine) as deployment:
            job = Submitter(deployment).start(JobKind.REBUILD, spec)
            if detach:
                print_json(job.to_dict()) if as_json else started_view(job.id)
            else:
                follow_job(deployment, job.id, as_json=as_json)
        return
    name = encoder or settings.encoder
    encoders, labellers = index_encoders(settings, name), index_labellers(settings.labels)
    gate = _Gate(settings, engine, force=force, quiet=as_json)
    shape = IndexShape(vector_index=settings.vector_index or None)
    with opened_engine(settings, engine) as opened, progress_bar(not as_json) as on_progress:
        if sources:
            report = build(
                opened,
                Catalogue(sources),
                encoders=encoders,
                labellers=labellers,
                mapping=chosen,
                options=BuildOptions(
                    rejects_path=Path("multirecall-rejects.jsonl"),
                    keep=settings.keep_generations,
                    allow_shrink=allow_shrink,
                    shape=shape,
                ),
                on_ready=gate,
                on_progress=on_progress,
            )
            body = report.to_dict()
        else:
            copied = copy_live(
                opened,
                encoders=encoders,
                labellers=labellers,
                mapping=chosen,
                shape=shape,
                keep=settings.keep_generations,
                on_ready=gate,
                on_progress=on_progress,
            )
            body = copied.to_dict()
    if as_json:
        print_json(body | {"verdict": gate.verdict})
    elif sources:
        report_view(report, engine or settings.engine)
    else:
        console.print(
            f"[bold]{copied.products:,} products[/] in index [bold]{printable(copied.index)}[/] in "
            f"{copied.seconds['total']:.1f} s; vectors: {copied.encoded:,} encoded, {copied.reused:,} reused",
            soft_wrap=True,
        )
        if copied.previous not in copied.dropped:
            console.print(f"It replaced {printable(copied.previous)}; back to it: multirecall rollback", style="dim")


@command
def rollback(
    to: Annotated[str | None, typer.Option(help="Index to go back to.", show_default="the one before")] = None,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Go back even to an index that the workers did not keep current.")
    ] = False,
    engine: EngineUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make the index that served before live again, in one step.

    After a build by workers it was kept current all the while, so no change is lost.

    Example: multirecall rollback
    """
    settings = load_settings()
    with opened_engine(settings, engine) as opened:
        before, after, with_workers = _rolled_back(settings, opened, to, engine, outdated=outdated)
    if as_json:
        print_json({"live": after, "before": before, "workers": with_workers})
        return
    console.print(f"[bold]{printable(after)}[/] is live again; {printable(before)} is kept.", soft_wrap=True)
    if not with_workers:
        console.print(
            "Redis does not answer, so workers were not told. If there are any, they no longer bring changes to "
            f"{printable(before)}.",
            style="dim",
            soft_wrap=True,
        )


def _rolled_back(
    settings: Settings, opened: Engine, to: str | None, engine_url: str | None, *, outdated: bool
) -> tuple[str, str, bool]:
    """Goes back; where workers are in use, the index left behind is kept current from then on.

    Raises InvalidInput for an index that workers are building, or (unless `outdated`) did not bring changes to.

    Returns the index left, the one that is live now, and whether the workers' store was there to be told.
    """
    from multirecall.workers.app import deployment_in_use

    with deployment_in_use(settings, engine_url) as deployment:
        live = opened.info().name
        target = rollback_to(opened, to)
        if deployment is not None and (builder := deployment.targets.all().get(target, "standby")) != "standby":
            raise InvalidInput(
                f"Index {target} is being built by job {builder} and has never been live.",
                hint=f"Wait for it. If its gate stopped it: multirecall jobs resume {builder} --force",
                field="to",
            )
        if deployment is not None and not outdated:
            _check_current(deployment, target)
        if deployment is not None:
            deployment.targets.add(live, "standby")  # before the swap: no change may pass it by
        opened.swap(target)
        if deployment is not None:
            deployment.targets.remove(target)
        return live, target, deployment is not None


def _check_current(deployment: Deployment, target: str) -> None:
    """Raises InvalidInput if changes went through the workers and passed the index by."""
    changed = any(job.kind.value == "changes" for job in deployment.jobs.latest(size=200))
    if changed and target not in deployment.targets.all():
        raise InvalidInput(
            f"The workers did not keep {target} current: it was replaced by a build without --workers, so it may lack "
            "changes that came since.",
            hint="Go back all the same with --outdated, or rebuild: multirecall rebuild --workers.",
            field="to",
        )


@command
def generations(engine: EngineUrl = None, as_json: AsJson = False) -> None:
    """List the physical indexes: which one serves, which ones a rollback leads to.

    Example: multirecall generations
    """
    with opened_engine(load_settings(), engine) as opened:
        infos = opened.indexes()
        line = line_of_generations(opened)
    steps = {name: step for step, name in enumerate(line)}
    if as_json:
        rows = [
            {
                "index": info.name,
                "live": info.live,
                "rollback": None if info.live else steps.get(info.name),
                "products": info.count,
                "bytes": info.bytes,
                "encoder": ", ".join(f"{v.encoder} ({v.fingerprint})" for v in info.schema.vectors) or "none",
            }
            for info in infos
        ]
        print_json({"generations": rows})
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("index", "use", "products", "MB", "encoder"):
        table.add_column(column, overflow="fold", justify="right" if column in ("products", "MB") else "left")
    uses = {0: "[bold green]live[/]", 1: "rollback leads here", None: "not live"}
    for info in infos:
        encoder = ", ".join(field.encoder for field in info.schema.vectors) or "none"
        use = uses.get(steps.get(info.name), "older")
        table.add_row(printable(info.name), use, f"{info.count:,}", f"{info.bytes / 1e6:,.1f}", printable(encoder))
    console.print(table if infos else "There is no index yet.")
