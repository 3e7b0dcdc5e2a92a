"""The command `multirecall`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from multirecall import __version__
from multirecall.cli.audit import audit
from multirecall.cli.changes import changes_app
from multirecall.cli.clicks import clicks
from multirecall.cli.compare import compare_runs
from multirecall.cli.deadletters import deadletters_app
from multirecall.cli.demo import demo
from multirecall.cli.engine import engine_app
from multirecall.cli.evaluate import evaluate_runs
from multirecall.cli.index import index
from multirecall.cli.jobs import jobs_app
from multirecall.cli.keys import keys_app
from multirecall.cli.mapping import mapping_app
from multirecall.cli.pool import pool
from multirecall.cli.rebuild import generations, rebuild, rollback
from multirecall.cli.rewriters import rewriters_app
from multirecall.cli.routes_report import routes_report
from multirecall.cli.run import run
from multirecall.cli.sample import sample
from multirecall.cli.search import search
from multirecall.cli.serve import serve
from multirecall.cli.show import settings_app
from multirecall.cli.synthesize import synthesize
from multirecall.cli.train import train_app
from multirecall.cli.tune import tune
from multirecall.cli.worker import worker_app

__all__ = ["app", "main"]

app = typer.Typer(
    help="Hybrid multi-recall product search: index a catalogue, search it by words and by meaning, measure it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"multirecall {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Hybrid multi-recall product search."""


app.command()(index)
app.command()(rebuild)
app.command()(rollback)
app.command()(generations)
app.command()(search)
app.command()(run)
app.command("evaluate")(evaluate_runs)
app.command("compare")(compare_runs)
app.command()(pool)
app.command("routes-report")(routes_report)
app.command()(serve)
app.command()(sample)
app.command()(clicks)
app.command()(audit)
app.command()(synthesize)
app.command()(tune)
app.command()(demo)
app.add_typer(train_app, name="train")
app.add_typer(rewriters_app, name="rewriters")
app.add_typer(mapping_app, name="mapping")
app.add_typer(engine_app, name="engine")
app.add_typer(settings_app, name="settings")
app.add_typer(worker_app, name="worker")
app.add_typer(keys_app, name="keys")
app.add_typer(changes_app, name="changes")
app.add_typer(jobs_app, name="jobs")
app.add_typer(deadletters_app, name="deadletters")


def main() -> None:
    """Entry point of the console command."""
    # Texts of a catalogue can hold what the terminal's encoding cannot: show a replacement instead of failing.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()
