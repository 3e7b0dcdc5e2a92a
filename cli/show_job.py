"""A job for people: its figures, and a live bar while it runs on workers elsewhere."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from multirecall.cli.output import console, print_json, printable, stderr
from multirecall.cli.show_gate import verdict_view
from multirecall.workers.deployment import Deployment
from multirecall.workers.store.jobs import Job, JobState

__all__ = ["follow_job", "job_view", "left", "when"]

_LOOK_EVERY_S = 0.5


def when(at: float) -> str:
    """A time in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def left(job: Job) -> str:
    """The time left, as minutes and seconds."""
    if job.left_s is None:
        return ""
    minutes, seconds = divmod(round(job.left_s), 60)
    return f"{minutes}:{seconds:02d}"


def job_view(job: Job, trouble: dict[str, Any] | None) -> None:
    """Prints one job."""
    counts = job.counts
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("job", job.id)
    table.add_row("state", f"{job.state.value}{f' ({job.stage})' if job.stage and not job.state.over else ''}")
    if job.index:
        table.add_row("index", f"{job.index}{f', replaced {job.previous}' if job.previous else ''}")
    share = "" if job.share is None else f" ({job.share:.0%})"
    table.add_row("items", f"{job.settled:,} of {counts['planned']:,}{share}, {job.rate_per_s:,.0f}/s")
    if left(job):
        table.add_row("time left", left(job))
    done = f"{counts['done']:,} written, {counts['stale']:,} were older than what is there, "
    table.add_row("results", done + f"{counts['failed']:,} dead letters, {counts['retried']:,} retries")
    if counts["read"]:
        bad = f", {counts['rejected']:,} rejected" if counts["rejected"] else ""
        table.add_row("rows read", f"{counts['read']:,}{bad}")
    if counts["encoded"] or counts["reused"]:
        seconds = job.seconds["encoding_s"]
        rate = f" at {counts['encoded'] / seconds:,.0f}/s a worker" if counts["encoded"] and seconds else ""
        table.add_row("vectors", f"{counts['encoded']:,} encoded{rate}, {counts['reused']:,} reused")
    table.add_row("started", when(job.started_at or job.made_at) + " UTC")
    if job.ended_at:
        table.add_row("ended", when(job.ended_at) + " UTC")
    console.print(table)
    if job.verdict:
        console.print(verdict_view(job.verdict))
    if job.error:
        console.print(f"[bold red]Error:[/] {printable(str(job.error.get('message', '')))}", soft_wrap=True)
        console.print(f"  {printable(str(job.error.get('hint', '')))}", soft_wrap=True)
    if trouble and not job.state.over:
        console.print(f"[bold yellow]trouble:[/] {printable(trouble['error']['message'])}", soft_wrap=True)


def follow_job(deployment: Deployment, job_id: str, *, as_json: bool = False) -> Job:
    """Draws a job until it is over, then prints it; exits with 1 if it did not end well.

    Ctrl-C ends the looking, not the job: that is said.
    """
    job = deployment.jobs.get(job_id)
    try:
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[done]}"),
            console=stderr,
            transient=True,
            disable=as_json or not stderr.is_terminal,
        ) as progress:
            task = progress.add_task("queued", total=None, done="")
            while not job.state.over:
                progress.update(task, **_bar(job, deployment.trouble.now()))
                time.sleep(_LOOK_EVERY_S)
                job = deployment.jobs.get(job_id)
    except KeyboardInterrupt:
        stderr.print(
            f"[bold yellow]The job goes on without this window.[/] Look: multirecall jobs watch {printable(job_id)}; "
            f"stop it: multirecall jobs cancel {printable(job_id)}",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    if as_json:
        print_json(job.to_dict())
    else:
        job_view(job, None)
    if job.state is not JobState.DONE:
        raise typer.Exit(1)
    return job


def _bar(job: Job, trouble: dict[str, Any] | None) -> dict[str, Any]:
    done = f"{job.settled:,} items"
    if job.settled:
        done += f" · {job.rate_per_s:,.0f}/s"
    if left(job):
        done += f" · {left(job)} left"
    if job.counts["failed"]:
        done += f" · {job.counts['failed']:,} dead letters"
    if trouble:
        done += f" · waiting: {trouble['error']['message'][:80]}"
    share = job.share
    return {
        "description": job.stage or job.state.value,
        "total": None if share is None else 1.0,
        "completed": share or 0.0,
        "done": done,
    }
