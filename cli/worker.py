"""`multirecall worker run|beat|metrics|status`."""

from __future__ import annotations

import os
import socket
from typing import Annotated

import typer

from multirecall.cli.output import console, counted, print_json, printable
from multirecall.cli.show_job import trouble_view
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput, NotFound, StoreUnavailable
from multirecall.wiring.settings import Settings, load_settings

__all__ = ["worker_app"]

worker_app = typer.Typer(help="Run the workers, their schedule and their metrics.", no_args_is_help=True)


def _queues(text: str) -> list[str]:
    from multirecall.workers.app import WORKER_QUEUES

    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(WORKER_QUEUES))
    if unknown or not names:
        raise InvalidInput(
            f"Unknown queue {', '.join(unknown) or text!r}.",
            hint=f"Queues: {', '.join(WORKER_QUEUES)}.",
            field="queues",
        )
    return names


@worker_app.command("run")
@command
def run(
    queues: Annotated[
        str, typer.Option(help="index (products: read, encode, write), changes (updates, deletes), jobs (long tasks).")
    ] = "index,changes,jobs",
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, help="Processes; several only for an engine that lets several write.")
    ] = 2,
    name: Annotated[str, typer.Option(help="Name of this worker, unique in the deployment.")] = "",
) -> None:
    """Run a worker until it is told to stop (Ctrl-C or SIGTERM: it ends what it is doing first).

    Example: multirecall worker run --queues index --concurrency 2
    """
    from multirecall.workers.app import make_worker_app
    from multirecall.workers.wiring import make_deployment

    chosen = _queues(queues)
    if "jobs" in chosen and len(chosen) > 1 and concurrency < 2:
        raise InvalidInput(
            "One process cannot do jobs and batches both: a job waits for its batches, which nobody would do.",
            hint="Give --concurrency 2 or more, or run queue jobs in a worker of its own.",
            field="concurrency",
        )
    settings = load_settings()
    app = make_worker_app(settings)
    make_deployment(settings, app).close()  # settings that are wrong show now, not with the first batch
    hostname = name or f"{'-'.join(chosen)}-{os.getpid()}@{socket.gethostname()}"
    app.worker_main(
        [
            "worker", "--queues", ",".join(chosen), "--concurrency", str(concurrency), "--hostname", hostname,
            "--loglevel", settings.log_level, "--without-gossip", "--without-mingle",
        ]
    )  # fmt: skip


@worker_app.command("beat")
@command
def beat() -> None:
    """Run the schedule: what is pruned, and when. One per deployment.

    Example: multirecall worker beat
    """
    from multirecall.workers.app import make_worker_app

    settings = load_settings()
    state = settings.cache_dir.expanduser() / "beat"
    state.mkdir(parents=True, exist_ok=True)
    make_worker_app(settings).Beat(
        schedule=str(state / f"schedule-{settings.namespace}"), loglevel=settings.log_level, pidfile=None
    ).run()


@worker_app.command("metrics")
@command
def metrics(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 9464,
) -> None:
    """Serve the workers' figures for Prometheus: queues, batches, products by result, retries, dead letters.

    Example: multirecall worker metrics --port 9464
    """
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.metrics import serve_metrics

    try:
        with opened_deployment(load_settings()) as deployment, serve_metrics(deployment, host, port) as (server, url):
            console.print(f"metrics: {url}", soft_wrap=True)
            server.join()
    except OSError as error:
        raise InvalidInput(
            f"Cannot listen on {host}:{port}: {error.strerror}.", hint="Choose another --port or --host.", field="port"
        ) from None


def _answering(settings: Settings, timeout_s: float) -> dict[str, list[str]]:
    """The workers that answer, with their queues. Raises StoreUnavailable if the broker does not."""
    from kombu.exceptions import OperationalError

    from multirecall.workers.app import make_app
    from multirecall.workers.store.connection import masked_url

    app = make_app(settings)
    try:
        found = app.control.inspect(timeout=timeout_s).active_queues() or {}
    except OperationalError as error:
        url = masked_url(str(app.conf.broker_url))
        raise StoreUnavailable(
            f"The broker at {url} does not answer: {error}.", hint="Start it, or set MULTIRECALL_BROKER.", store=url
        ) from error
    return {name: sorted(one["name"] for one in queues) for name, queues in sorted(found.items())}


@worker_app.command("status")
@command
def status(
    queue: Annotated[str, typer.Option(help="Only workers of this queue.")] = "",
    timeout_s: Annotated[float, typer.Option(min=0.1, max=60, help="How long to wait for answers.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the workers that answer, and what waits. Exit code 3 if none does.

    Example: multirecall worker status --queue index
    """
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.store.batches import QUEUES

    wanted = set(_queues(queue)) if queue else set()
    settings = load_settings()
    with opened_deployment(settings) as deployment:
        sizes = {name: deployment.batches.sizes(name) for name in QUEUES}
        trouble, dead = deployment.trouble.now(), len(deployment.dead_letters)
    workers = _answering(settings, timeout_s)
    workers = {name: queues for name, queues in workers.items() if not wanted or wanted & set(queues)}
    if as_json:
        print_json({"workers": workers, "queues": sizes, "dead_letters": dead, "trouble": trouble})
    else:
        for name, queues in workers.items():
            console.print(f"worker [bold]{printable(name)}[/]: {', '.join(queues)}", soft_wrap=True)
        for name, size in sizes.items():
            console.print(
                f"queue {name}: {counted(size['waiting'], 'batch')} waiting, {size['leased']:,} being worked on, "
                f"{size['delayed']:,} to be tried again",
                soft_wrap=True,
            )
        console.print(f"dead letters: {dead:,}")
        trouble_view(trouble)
    if not workers:
        raise NotFound(
            f"No worker{f' of queue {queue}' if queue else ''} answers.",
            hint="Start one: multirecall worker run" + (f" --queues {queue}" if queue else ""),
        )
