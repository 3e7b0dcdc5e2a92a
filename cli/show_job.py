"""A job for people: its figures, and a live bar while it runs on workers elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from multirecall.cli.bar import clock, drawn_bar
from multirecall.cli.output import console, counted, print_json, printable, stderr
from multirecall.cli.show_rewrites import precomputed_view
from multirecall.cli.show_synthesis import synthesis_view
from multirecall.cli.show_trained import trained_view
from multirecall.cli.show_warnings import warnings_view
from multirecall.core.errors import StoreUnavailable

if TYPE_CHECKING:  # Redis and Celery are loaded by the commands that need them
    from multirecall.workers.deployment import Deployment
    from multirecall.workers.store.job import Job

__all__ = ["follow_job", "job_view", "left", "print_job", "short_when", "trouble_view", "when"]

_LOOK_EVERY_S = 0.5
_TAKEN_WITHIN_S = 10.0
_STORE_BACK_WITHIN_S = 60.0


def when(at: float) -> str:
    """A time in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""


def short_when(at: float) -> str:
    """The time of a moment within the last 12 hours, else its day; UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%H:%M" if abs(time.time() - at) < 43_200 else "%b %d")


def left(job: Job) -> str:
    """The time left; empty while nothing tells."""
    return "" if job.left_s is None else clock(job.left_s)


def print_job(job: Job, trouble: dict[str, Any] | None, *, as_json: bool, **more: Any) -> None:
    """Prints one job, for people or as JSON with `more` beside it."""
    if as_json:
        print_json(job.to_dict() | {"trouble": trouble} | more)
    else:
        job_view(job, trouble)


def job_view(job: Job, trouble: dict[str, Any] | None) -> None:
    """Prints one job."""
    counts = job.counts
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("job", job.id)
    table.add_row("state", f"{job.state.value}{f' ({job.stage})' if job.stage and not job.state.over else ''}")
    if job.index:
        table.add_row("index", f"{job.index}{f', in the place of {job.previous}' if job.previous else ''}")
    for name, value in _progress(job):
        table.add_row(name, value)
    if left(job):
        table.add_row("time left", left(job))
    if counts["encoded"] or counts["reused"]:
        seconds = job.seconds["encoding_s"]
        rate = f" ({counts['encoded'] / seconds:,.0f} per second of a worker)" if counts["encoded"] and seconds else ""
        table.add_row("vectors", f"{counts['encoded']:,} encoded{rate}, {counts['reused']:,} reused")
    table.add_row("started", when(job.started_at or job.made_at))
    if job.ended_at:
        table.add_row("ended", when(job.ended_at))
    console.print(table)
    if job.verdict:
        from multirecall.cli.show_gate import verdict_view

        console.print(verdict_view(job.verdict))
    elif job.previous and job.state.value == "done":
        console.print("It went live unjudged: no judgments are set.", style="dim")
    if job.error:
        console.print(f"[bold red]Error:[/] {printable(str(job.error.get('message', '')))}", soft_wrap=True)
        console.print(f"  {printable(str(job.error.get('hint', '')))}", soft_wrap=True)
    _REPORT_VIEWS.get(job.kind.value, _read_view)(job.report or {})
    warnings_view(job.warnings)
    if counts["failed"]:
        console.print("Dead letters say why: multirecall deadletters list", style="dim")
    if job.state.value in ("failed", "cancelled"):
        console.print(f"Go on with it: multirecall jobs resume {printable(job.id)}", style="dim", soft_wrap=True)
    if not job.state.over:
        trouble_view(trouble)


def _progress(job: Job) -> Iterator[tuple[str, str]]:
    """How far the job is and what it did, as rows of a table."""
    counts = job.counts
    if job.kind.value in ("train-blender", "synthesize"):
        if not job.state.over and counts["planned"]:
            yield "done", f"{counts['done']:,} of at most {counts['planned']:,}"
        return
    if counts["read"] and job.kind.value != "changes":
        unread = [f"{counts['rejected']:,} rejected"] if counts["rejected"] else []
        yield "read", ", ".join([counted(counts["read"], "row"), *unread])
    share = "" if job.share is None or job.state.over else f" ({job.share:.0%})"
    yield "items", f"{job.settled:,} of {counts['planned']:,} settled{share}, {job.rate_per_s:,.0f} per second"
    if job.kind.value not in ("evaluate", "rewrites"):
        yield "results", _results(job)


def _figures_view(report: Mapping[str, Any]) -> None:
    """Prints the figures of an evaluation."""
    if not report:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("queries")
    table.add_column("number", justify="right")
    table.add_column(str(report["measure"]), justify="right")
    rows = {"all": {"queries": report["queries"], "mean": report["mean"]}, **report["by_class"]}
    for name, row in rows.items():
        mean = row["mean"]
        table.add_row(printable(name), f"{row['queries']:,}", "-" if mean is None else f"{mean:.3f}")
    console.print(table)
    incomplete = report.get("incomplete") or {}
    if incomplete:
        qid, missing = next(iter(incomplete.items()))
        console.print(
            f"{len(incomplete):,} left out: an answer was not complete (query {printable(qid)}: {printable(missing)}).",
            style="yellow",
            soft_wrap=True,
        )
    judged = report["judged"]
    if judged is not None:
        console.print(
            f"{judged:.0%} of the products found have a judgment; the others count as irrelevant.", style="dim"
        )


def _read_view(report: Mapping[str, Any]) -> None:
    """Prints which rows of a build's source did not become products, and why."""
    rejected = list((report.get("rejects_by_reason") or {}).items())
    for reason, count in rejected[:8]:
        console.print(f"  {count:,} x {printable(str(reason))}", soft_wrap=True)
    if rejected:
        path = printable(str(report.get("rejects_path") or ""))
        console.print(f"  All of them, with line and reason, where the worker runs: {path}", soft_wrap=True)
    if report.get("mapping_suggested") and report.get("sources"):
        console.print(
            "The mapping was proposed from the data; to change it: multirecall mapping suggest … > multirecall.toml",
            style="dim",
            soft_wrap=True,
        )


_REPORT_VIEWS = {
    "evaluate": _figures_view,
    "train-blender": trained_view,
    "synthesize": synthesis_view,
    "rewrites": precomputed_view,
}


def trouble_view(trouble: dict[str, Any] | None) -> None:
    """Prints what keeps the workers from writing, if anything does."""
    if trouble:
        message, hint = (printable(str(trouble["error"].get(name) or "")) for name in ("message", "hint"))
        since = datetime.fromtimestamp(trouble["since"], UTC).strftime("%H:%M:%S UTC")
        console.print(f"[bold yellow]Writing waits since {since}:[/] {message}", soft_wrap=True)
        if hint:
            console.print(f"  {hint}", soft_wrap=True)


def _results(job: Job) -> str:
    """What became of the items; figures of nothing are left out."""
    counts = job.counts
    parts = [f"{counts['done']:,} written"]
    if counts["stale"]:
        parts.append(f"{counts['stale']:,} older than what is there")
    if counts["failed"]:
        parts.append(counted(counts["failed"], "dead letter"))
    if counts["retried"]:
        parts.append(f"{counts['retried']:,} tried again")
    if counts["rejected"] and job.kind.value == "changes":
        parts.append(f"{counts['rejected']:,} left out")
    return ", ".join(parts)


def follow_job(deployment: Deployment, job_id: str, *, as_json: bool = False, **more: Any) -> Job:
    """Draws a job until it is over, then prints it (`more` beside it, as JSON); exits with 1 if it did not end well.

    Ctrl-C ends the looking, not the job: that is said. So is a job that no worker takes.
    """
    job = deployment.jobs.get(job_id)
    started, told = time.monotonic(), False
    try:
        with _bar(shown=not as_json) as draw:
            while not job.state.over:
                draw(job, deployment.trouble.now())
                time.sleep(_LOOK_EVERY_S)
                job = _looked_at(deployment, job_id)
                idle = not job.settled and not job.stage and not job.state.over
                if idle and not told and time.monotonic() - started > _TAKEN_WITHIN_S:
                    told = True
                    stderr.print(
                        f"[yellow]No worker has taken job {printable(job_id)} yet.[/] Is one running, with the same "
                        "settings? Look: multirecall worker status",
                        soft_wrap=True,
                    )
    except KeyboardInterrupt:
        stderr.print(
            f"[bold yellow]The job goes on without this window.[/] Look: multirecall jobs watch {printable(job_id)}\n"
            f"Stop it: multirecall jobs cancel {printable(job_id)}",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    print_job(job, None, as_json=as_json, **more)
    if job.state.value != "done":
        raise typer.Exit(1)
    return job


def _looked_at(deployment: Deployment, job_id: str) -> Job:
    """The job as it stands; a store that is away for a while is waited for. Raises StoreUnavailable."""
    until = time.monotonic() + _STORE_BACK_WITHIN_S
    while True:
        try:
            return deployment.jobs.get(job_id)
        except StoreUnavailable as error:
            if time.monotonic() > until:
                hint = f"The job goes on when it is back. {error.hint}"
                raise StoreUnavailable(error.message, hint=hint, **error.data) from error
        time.sleep(_LOOK_EVERY_S)


@contextmanager
def _bar(*, shown: bool) -> Iterator[Any]:
    """A bar on standard error, for terminals; yields what draws a job with the trouble of its workers."""
    with drawn_bar("queued", shown=shown) as draw_bar:

        def draw(job: Job, trouble: dict[str, Any] | None) -> None:
            done = f"{job.settled:,} items"
            if job.settled:
                done += f" · {job.rate_per_s:,.0f}/s"
            if left(job):
                done += f" · {left(job)} left"
            if job.counts["failed"]:
                done += f" · {counted(job.counts['failed'], 'dead letter')}"
            if trouble:
                done += f" · waiting: {printable(str(trouble['error'].get('message', '')))[:80]}"
            draw_bar(job.stage or job.state.value, job.share, done)

        yield draw
