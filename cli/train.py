"""`multirecall train`: learn models from the catalogue and judgments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from multirecall.cli.by_workers import run_by_workers
from multirecall.cli.output import console, print_json, printable, stderr
from multirecall.cli.show_training import training_steps, training_summary, training_view
from multirecall.cli.state import command
from multirecall.cli.train_encoder import train_encoder_command
from multirecall.cli.train_multispan import train_multispan_command
from multirecall.cli.train_rewriter import train_rewriter_command
from multirecall.cli.train_semantic_id import train_semantic_id_command
from multirecall.cli.train_xmc import train_xmc_command
from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.training.blender.growing import Growing
from multirecall.wiring.blenders import blender_folder
from multirecall.wiring.learning import learned_blender, taught_by
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings, load_settings

__all__ = ["train_app"]

train_app = typer.Typer(help="Learn models from the catalogue and judgments.", no_args_is_help=True)
train_app.command("rewriter")(train_rewriter_command)
train_app.command("encoder")(train_encoder_command)
train_app.command("multispan")(train_multispan_command)
train_app.command("semantic-id")(train_semantic_id_command)
train_app.command("xmc")(train_xmc_command)


def _train_by_workers(
    settings: Settings, engine_url: str | None, spec: dict[str, Any], *, detach: bool, as_json: bool
) -> None:
    """Starts the job and follows it."""
    from multirecall.workers.wiring import absolute

    files = {name: absolute([str(spec[name])])[0] for name in ("queries", "judgments") if spec[name] is not None}
    spec = {**spec, **files, "clicks": absolute([str(log) for log in spec["clicks"]])}
    run_by_workers(settings, engine_url, "train-blender", spec, detach=detach, as_json=as_json)


@train_app.command("blender")
@command
def train_blender_command(
    out: Annotated[Path | None, typer.Option(help="Folder for the model.", show_default="from settings")] = None,
    queries: Annotated[Path | None, typer.Option(help="Queries: qid, query; other columns become segments.")] = None,
    judgments: Annotated[Path | None, typer.Option(help="Grades of products for these queries.")] = None,
    clicks: Annotated[
        list[Path] | None, typer.Option(help="Click logs (UBI or tables) instead of queries and judgments.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    routes: Annotated[str | None, typer.Option(help="Routes to blend, with commas.")] = None,
    candidates: Annotated[int | None, typer.Option(min=10, max=1000, help="Hits asked of each route.")] = None,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Folds of the cross-validation.")] = 5,
    rounds: Annotated[int, typer.Option(min=5, max=5000, help="Most trees.")] = Growing().rounds,
    dropout: Annotated[
        float, typer.Option(min=0, max=1, help="Weight of the copies with a route left out.")
    ] = Growing().dropout,
    relevant_grade: Annotated[
        float | None, typer.Option(help="Grade from which on a product is relevant, for probabilities.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = Growing().seed,
    html: Annotated[Path | None, typer.Option(help="Write a report with plots (extra `report`).")] = None,
    workers: Annotated[bool, typer.Option("--workers", help="Let a worker do it; files as it sees them.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="With --workers: do not wait.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a LightGBM blender on judged queries and compare it, by cross-validation, with fixed fusions.

    Example: multirecall train blender --queries queries.tsv --judgments judgments.tsv --out blender
    """
    from multirecall.training.blender.storing import check_target, save_blender

    settings = load_settings()
    out = out or blender_folder(settings)
    if workers:
        if html is not None:
            raise InvalidInput("--html cannot be used with --workers.", hint="Train without --workers.", field="html")
        spec = {
            "queries": queries, "judgments": judgments, "clicks": clicks or [], "out": str(out.absolute()),
            "routes": routes, "candidates": candidates, "folds": folds, "relevant_grade": relevant_grade,
            "growing": {"rounds": rounds, "dropout": dropout, "seed": seed},
        }  # fmt: skip
        _train_by_workers(settings, engine, spec, detach=detach, as_json=as_json)
        return
    check_target(out)
    taught = taught_by(queries, judgments, clicks or [], seed=seed)
    growing = replace(Growing(), rounds=rounds, dropout=dropout, seed=seed)
    with opened_searcher(
        settings, engine_url=engine, routes=routes, fusion="weighted_sum", candidates=candidates, use_policy=False,
        rewritings=True,
    ) as opened:  # fmt: skip
        for note in opened.notes:
            stderr.print(f"[yellow]{printable(note)}[/]")
        with training_steps(shown=not as_json) as on_step:
            trained = learned_blender(
                opened, taught, growing=growing, n_folds=folds, relevant_grade=relevant_grade, on_step=on_step
            )
    save_blender(trained.model, out)
    if as_json:
        print_json(training_summary(trained, out))
    else:
        training_view(trained, out)
    if html is not None:
        from multirecall.evaluation.html import render_report

        try:
            html.write_text(render_report(trained.report, reliability=trained.calibrated.reliability), encoding="utf-8")
        except OSError as error:
            raise InvalidSettings(f"Cannot write {html}: {error.strerror}.", field="html") from None
        if not as_json:
            console.print(f"Report: {printable(str(html))}", soft_wrap=True)
