"""`multirecall deadletters list|show|replay|drop`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from multirecall.cli.output import console, counted, print_json, printable
from multirecall.cli.show_job import follow_job, short_when
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput
from multirecall.wiring.settings import load_settings

if TYPE_CHECKING:  # Redis and Celery are loaded by the commands that need them
    from multirecall.workers.store.dead_letters import DeadLetter, DeadLetters

__all__ = ["deadletters_app"]

deadletters_app = typer.Typer(
    help="Products that would not go in: look at them, send them again, drop them.", no_args_is_help=True
)

Ids = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
EngineUrl = Annotated[str | None, typer.Option("--engine", help="Engine URL.", show_default="from settings")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _chosen(letters: DeadLetters, ids: Sequence[str] | None, every: bool) -> list[DeadLetter]:
    if bool(ids) == every:
        raise InvalidInput(
            "Name the dead letters, or say --all; not both." if ids else "Name the dead letters, or say --all.",
            hint="`multirecall deadletters list` shows their ids.",
            field="ids",
        )
    return list(letters.all()) if every else [letters.get(one) for one in ids or ()]


@deadletters_app.command("list")
@command
def list_letters(
    offset: Annotated[int, typer.Option(min=0, help="Skip so many.")] = 0,
    size: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    engine: EngineUrl = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first.

    Example: multirecall deadletters list --size 50
    """
    from multirecall.workers.app import opened_deployment

    with opened_deployment(load_settings(), engine) as deployment:
        total, page = len(deployment.dead_letters), deployment.dead_letters.page(offset=offset, size=size)
    if as_json:
        print_json({"total": total, "dead_letters": [letter.to_dict() for letter in page]})
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("product", overflow="fold", max_width=24)
    table.add_column("tries", justify="right", no_wrap=True)
    table.add_column("since", justify="right", no_wrap=True)
    table.add_column("error", overflow="fold")
    for letter in page:
        error = letter.error if len(letter.error) <= 200 else letter.error[:199] + "…"
        table.add_row(
            letter.id, printable(letter.item.id), str(letter.tries), short_when(letter.died_at), printable(error)
        )
    if page:
        console.print(table)
    if not total:
        console.print("There is no dead letter.")
    elif len(page) < total:
        console.print(
            f"{len(page):,} of {counted(total, 'dead letter')}; --offset and --size show others.", style="dim"
        )


@deadletters_app.command("show")
@command
def show(
    letter: Annotated[str, typer.Argument(help="Id of the dead letter.")],
    engine: EngineUrl = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same: it is JSON in any case.")] = False,
) -> None:
    """Show a dead letter whole, as JSON: the document, the error, the tries.

    Example: multirecall deadletters show 3f2a9c01bd77
    """
    from multirecall.workers.app import opened_deployment

    with opened_deployment(load_settings(), engine) as deployment:
        print_json(deployment.dead_letters.get(letter).to_dict())


@deadletters_app.command("replay")
@command
def replay(ids: Ids = None, every: All = False, engine: EngineUrl = None, as_json: AsJson = False) -> None:
    """Send dead letters again, at their old versions; what fails again comes back, and the exit code is 1 then.

    Example: multirecall deadletters replay --all
    """
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.submitting import Submitter

    with opened_deployment(load_settings(), engine) as deployment:
        job = Submitter(deployment).replay(_chosen(deployment.dead_letters, ids, every))
        job = follow_job(deployment, job.id, as_json=as_json)
    if job.counts["failed"]:
        raise typer.Exit(1)


@deadletters_app.command("drop")
@command
def drop(ids: Ids = None, every: All = False, engine: EngineUrl = None, as_json: AsJson = False) -> None:
    """Forget dead letters.

    Example: multirecall deadletters drop 3f2a9c01bd77
    """
    from multirecall.workers.app import opened_deployment

    with opened_deployment(load_settings(), engine) as deployment:
        chosen = _chosen(deployment.dead_letters, ids, every)
        dropped = deployment.dead_letters.drop([letter.id for letter in chosen])
    if as_json:
        print_json({"dropped": dropped})
    else:
        console.print(f"{counted(dropped, 'dead letter')} dropped.")
