"""A job for the workers, from the command line: started, and followed unless somebody wants to go on."""

from __future__ import annotations

from typing import Any

from multirecall.cli.output import console, print_json, printable
from multirecall.wiring.settings import Settings

__all__ = ["run_by_workers", "started_view"]


def started_view(job_id: str) -> None:
    """Says that a job was handed to the workers, and how to follow it."""
    console.print(f"Job {printable(job_id)} is started.", soft_wrap=True)
    console.print(f"Follow it: multirecall jobs watch {printable(job_id)}", style="dim", soft_wrap=True)


def run_by_workers(
    settings: Settings, engine_url: str | None, kind: str, spec: dict[str, Any], *, detach: bool, as_json: bool
) -> None:
    """Starts a job of that kind and follows it to its end; with `detach` only says that it is started."""
    from multirecall.cli.show_job import follow_job
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.store.job import JobKind
    from multirecall.workers.submitting import Submitter

    with opened_deployment(settings, engine_url) as deployment:
        job = Submitter(deployment).start(JobKind(kind), spec)
        if not detach:
            follow_job(deployment, job.id, as_json=as_json)
        elif as_json:
            print_json(job.to_dict())
        else:
            started_view(job.id)
