"""`multirecall jobs list|show|watch|evaluate|cancel|resume`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from multirecall.cli.output import console, print_json, printable
from multirecall.cli.show_job import follow_job, left, print_job, short_when, trouble_view
from multirecall.cli.state import command
from multirecall.wiring.settings import load_settings

__all__ = ["jobs_app"]

jobs_app = typer.Typer(help="Look at the jobs of the workers, stop them, let them go on.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="The job's id.")]
EngineUrl = Annotated[str | None, typer.Option("--engine", help="Engine URL.", show_default="from settings")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@jobs_app.command("list")
@command
def list_jobs(
    size: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    engine: EngineUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the latest jobs, newest first.

    Example: multirecall jobs list
    """
    from multirecall.workers.app import opened_deployment

    with opened_deployment(load_settings(), engine) as deployment:
        jobs, trouble = deployment.jobs.latest(size=size), deployment.trouble.now()
    if as_json:
        print_json({"jobs": [job.to_dict() for job in jobs], "trouble": trouble})
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("job", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for column in ("done", "dead", "rate", "left", "began"):
        table.add_column(column, justify="right", no_wrap=True)
    for job in jobs:
        share = "" if job.share is None or job.state.over else f" ({job.share:.0%})"
        table.add_row(
            job.id,
            job.state.value if job.state.over else job.stage or job.state.value,
            f"{job.counts['done'] + job.counts['stale']:,}{share}",
            f"{job.counts['failed']:,}",
            f"{job.rate_per_s:,.0f}/s",
            left(job),
            short_when(job.made_at),
        )
    console.print(table if jobs else "There is no job yet.")
    trouble_view(trouble)


@jobs_app.command("show")
@command
def show(job: JobId, engine: EngineUrl = None, as_json: AsJson = False) -> None:
    """Show one job: how far it is, what it did, why it failed, what the gate said.

    Example: multirecall jobs show index-1763740000-a1b2c3
    """
    from multirecall.workers.app import opened_deployment

    with opened_deployment(load_settings(), engine) as deployment:
        found, trouble = deployment.jobs.get(job), deployment.trouble.now()
    print_job(found, trouble, as_json=as_json)


@jobs_app.command("watch")
@command
def watch(job: JobId, engine: EngineUrl = None, as_json: AsJson = False) -> None:
    """Follow a job until it is over; Ctrl-C leaves it running. Exit code 1 if it failed or was cancelled.

    Example: multirecall jobs watch index-1763740000-a1b2c3
    """
    from multirecall.workers.app import opened_deployment

    with opened_deployment(load_settings(), engine) as deployment:
        follow_job(deployment, job, as_json=as_json)


@jobs_app.command("evaluate")
@command
def evaluate(
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait.")] = False,
    engine: EngineUrl = None,
    as_json: AsJson = False,
) -> None:
    """Let a worker ask the judged queries of the live index, and report nDCG@10. Judgments: see `settings show`.

    Example: multirecall jobs evaluate
    """
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.store.job import JobKind
    from multirecall.workers.submitting import Submitter

    with opened_deployment(load_settings(), engine) as deployment:
        job = Submitter(deployment).start(JobKind.EVALUATE, {})
        if detach:
            print_job(job, None, as_json=as_json)
        else:
            follow_job(deployment, job.id, as_json=as_json)


@jobs_app.command("cancel")
@command
def cancel(job: JobId, engine: EngineUrl = None, as_json: AsJson = False) -> None:
    """Cancel a job. What it wrote stays, the live index too; `resume` lets it go on.

    Example: multirecall jobs cancel index-1763740000-a1b2c3
    """
    from multirecall.workers.app import opened_deployment

    with opened_deployment(load_settings(), engine) as deployment:
        found = deployment.jobs.cancel(job)
    if as_json:
        print_json(found.to_dict())
        return
    console.print(f"Job {printable(job)} is cancelled.", soft_wrap=True)
    console.print(f"Go on with it: multirecall jobs resume {printable(job)}", style="dim", soft_wrap=True)


@jobs_app.command("resume")
@command
def resume(
    job: JobId,
    force: Annotated[bool, typer.Option("--force", help="Go live whatever the gate says; this is recorded.")] = False,
    engine: EngineUrl = None,
    as_json: AsJson = False,
) -> None:
    """Let a failed or cancelled job go on where it was.

    Example: multirecall jobs resume rebuild-1763740000-a1b2c3 --force
    """
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.submitting import Submitter

    with opened_deployment(load_settings(), engine) as deployment:
        found = Submitter(deployment).resume(job, force=force)
    if as_json:
        print_json(found.to_dict())
        return
    console.print(f"Job {printable(job)} goes on.", soft_wrap=True)
    console.print(f"Follow it: multirecall jobs watch {printable(job)}", style="dim", soft_wrap=True)
