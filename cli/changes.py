"""`multirecall changes apply`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from multirecall.cli.output import console, counted, printable, stderr
from multirecall.cli.show_job import follow_job, print_job
from multirecall.cli.state import command
from multirecall.core.errors import Backpressure, InvalidInput, NotFound
from multirecall.wiring.settings import load_settings

__all__ = ["changes_app"]

changes_app = typer.Typer(help="Send product changes to the workers.", no_args_is_help=True)

_SHOWN = 10


@changes_app.callback()
def _group() -> None:
    """Send product changes to the workers."""


@changes_app.command("apply")
@command
def apply(
    file: Annotated[str, typer.Argument(help="JSON lines, one change each; - reads standard input.")],
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait until they are applied.")] = False,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Send upserts, partial updates and deletes, and wait until they are applied.

    A line that cannot be read is shown and left out, the others go on. The exit code is 1 if some were left out, or
    became dead letters.

    Example: echo '{"op": "update", "id": "42", "fields": {"price": "9.90"}}' | multirecall changes apply -
    """
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.submitting import Submitter

    if file != "-" and not Path(file).is_file():
        raise NotFound(f"There is no file {file}.", hint="Check the path.", field="file")
    refused: list[str] = []

    def on_refused(error: InvalidInput, change: object) -> None:
        refused.append(str(error))
        if len(refused) <= _SHOWN and not as_json:
            stderr.print(f"[bold yellow]left out:[/] {printable(str(error))}", soft_wrap=True)

    with opened_deployment(load_settings(), engine) as deployment:
        try:
            job = Submitter(deployment).send(_changes(file), on_refused=on_refused, place="line")
        except Backpressure as error:
            raise _how_far(error) from None
        if not detach:
            job = follow_job(deployment, job.id, as_json=as_json, refused=refused)
        elif as_json:
            print_job(job, None, as_json=True, refused=refused)
        else:
            console.print(f"{counted(job.counts['read'], 'change')} sent as job {job.id}.", soft_wrap=True)
            console.print(f"Follow it: multirecall jobs watch {job.id}", style="dim", soft_wrap=True)
    if len(refused) > _SHOWN and not as_json:
        stderr.print(f"… and {counted(len(refused) - _SHOWN, 'line')} more left out; --json lists them all.")
    if refused or job.counts["failed"]:
        raise typer.Exit(1)


def _how_far(error: Backpressure) -> Backpressure:
    """The error with how much was sent before it."""
    taken = int(error.data.get("taken", 0))
    sent = f"{counted(taken, 'change')} had been sent by then, as job {error.data.get('job')}."
    return Backpressure(f"{error.message} {sent}", hint=error.hint, **error.data)


def _changes(file: str) -> Iterator[object]:
    """The JSON values of the lines; of a line that is none, its text, which is then refused by its number. A blank line
    gives the empty text, which is passed over."""
    lines = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed below
    with lines:
        for line in lines:
            try:
                yield (orjson.loads(line) or line.decode().strip()) if line.strip() else ""
            except orjson.JSONDecodeError:
                yield line.decode("utf-8", "replace").strip()
