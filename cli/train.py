"""`multirecall train`: learn models from the catalogue and judgments."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multirecall.cli.output import console, print_json, printable, stderr
from multirecall.cli.show_training import training_progress, training_summary, training_view
from multirecall.cli.state import command
from multirecall.core.errors import InvalidSettings
from multirecall.engines.analysis import terms
from multirecall.evaluation.joining import joined
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.training.blender.growing import Growing
from multirecall.wiring.searchers import OpenSearcher, opened_searcher
from multirecall.wiring.settings import load_settings

if TYPE_CHECKING:
    from multirecall.training.blender.training import TrainedBlender

__all__ = ["learned_blender", "train_app"]

train_app = typer.Typer(help="Learn models from the catalogue and judgments.", no_args_is_help=True)


def learned_blender(
    opened: OpenSearcher,
    queries: Path,
    judgments: Path,
    *,
    growing: Growing,
    n_folds: int,
    relevant_grade: float | None = None,
    every: int = 1,
    show_progress: bool = True,
) -> TrainedBlender:
    """A blender from the files of queries and judgments, over what the open searcher's routes find.

    `every` n-th query is learned from: a demonstration need not wait for all of them.
    """
    # LightGBM takes seconds to import: only those who train pay for it
    from multirecall.training.blender.collecting import collect, count_terms
    from multirecall.training.blender.training import train_blender

    judged_queries = read_queries(queries)[::every]
    grades = joined(read_judgments(judgments), judged_queries).judgments
    language = opened.index.schema.language
    with training_progress(show_progress) as progress:
        task = progress.add_task("asking the routes", total=len(judged_queries))
        pools = collect(opened.searcher, judged_queries, grades, advance=partial(progress.advance, task))
        task = progress.add_task("counting words", total=None)
        counted = count_terms(opened.engine.scan(["match_text"], index=opened.index.name))
        progress.update(task, total=1, completed=1)
        task = progress.add_task("growing trees", total=None)
        return train_blender(
            pools,
            analyse=partial(terms, language=language),
            language=language,
            terms=counted,
            growing=growing,
            n_folds=n_folds,
            relevant_grade=relevant_grade,
            data=_described(opened, queries, judgments, grades),
            advance=partial(progress.advance, task),
        )


def _described(opened: OpenSearcher, queries: Path, judgments: Path, grades: Judgments) -> dict[str, object]:
    return {
        "index": opened.index.name,
        "schema": opened.index.schema.fingerprint,
        "products": opened.index.count,
        "queries_file": queries.name,
        "judgments_file": judgments.name,
        "top_grade": grades.top_grade,
    }


@train_app.command("blender")
@command
def train_blender_command(
    queries: Annotated[Path, typer.Option(help="Queries: qid, query; other columns become segments.")],
    judgments: Annotated[Path, typer.Option(help="Grades of products for these queries.")],
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a LightGBM blender on judged queries and compare it, by cross-validation, with fixed fusions.

    Example: multirecall train blender --queries queries.tsv --judgments judgments.tsv --out blender
    """
    from multirecall.training.blender.storing import check_target, save_blender

    check_target(out)
    settings = load_settings()
    growing = replace(Growing(), rounds=rounds, dropout=dropout, seed=seed)
    with opened_searcher(
        settings, engine_url=engine, routes=routes, fusion="weighted_sum", candidates=candidates, use_policy=False
    ) as opened:
        for note in opened.notes:
            stderr.print(f"[yellow]{printable(note)}[/]")
        trained = learned_blender(
            opened,
            queries,
            judgments,
            growing=growing,
            n_folds=folds,
            relevant_grade=relevant_grade,
            show_progress=not as_json,
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
