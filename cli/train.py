"""`multirecall train`: learn models from the catalogue and judgments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multirecall.cli.output import console, print_json, printable, stderr
from multirecall.cli.show_training import training_progress, training_summary, training_view
from multirecall.cli.state import command
from multirecall.core.errors import InvalidSettings
from multirecall.engines.analysis import terms
from multirecall.evaluation.joining import joined
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.training.blender.growing import Growing
from multirecall.wiring.searchers import OpenSearcher, opened_searcher
from multirecall.wiring.settings import load_settings

if TYPE_CHECKING:
    from multirecall.training.blender.training import TrainedBlender

__all__ = ["Taught", "judged_by_files", "learned_blender", "train_app"]

train_app = typer.Typer(help="Learn models from the catalogue and judgments.", no_args_is_help=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What there is to learn from: judged queries, or those of a click log; `described` goes into the model card."""

    queries: Sequence[JudgedQuery]
    judgments: Judgments
    described: Mapping[str, Any]
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def judged_by_files(queries: Path, judgments: Path, *, every: int = 1) -> Taught:
    """Queries and judgments of two files; `every` n-th query only, for those who cannot wait."""
    judged_queries = read_queries(queries)[::every]
    grades = joined(read_judgments(judgments), judged_queries).judgments
    described = {"queries_file": queries.name, "judgments_file": judgments.name, "top_grade": grades.top_grade}
    return Taught(queries=judged_queries, judgments=grades, described=described)


def _taught(queries: Path | None, judgments: Path | None, clicks: list[Path], seed: int) -> Taught:
    if clicks and judgments is None and queries is None:
        from multirecall.training.blender.from_clicks import clicked_queries

        found = clicked_queries(clicks, seed=seed)
        return Taught(
            queries=found.queries, judgments=found.judgments, described=found.described, weights=found.weights
        )
    if clicks or judgments is None or queries is None:
        raise InvalidSettings(
            "A blender learns from --queries and --judgments, or from --clicks alone.",
            hint="Give both files, or click logs. multirecall clicks makes judgments of clicks that can be mixed.",
            field="clicks" if clicks else "judgments" if judgments is None else "queries",
        )
    return judged_by_files(queries, judgments)


def learned_blender(
    opened: OpenSearcher,
    taught: Taught,
    *,
    growing: Growing,
    n_folds: int,
    relevant_grade: float | None = None,
    show_progress: bool = True,
) -> TrainedBlender:
    """A blender from what is taught, over what the open searcher's routes find."""
    # LightGBM takes seconds to import: only those who train pay for it
    from multirecall.training.blender.collecting import collect, count_terms
    from multirecall.training.blender.training import train_blender

    language = opened.index.schema.language
    with training_progress(show_progress) as progress:
        task = progress.add_task("asking the routes", total=len(taught.queries))
        pools = collect(
            opened.searcher,
            taught.queries,
            taught.judgments,
            weights=taught.weights,
            advance=partial(progress.advance, task),
        )
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
            data={
                "index": opened.index.name,
                "schema": opened.index.schema.fingerprint,
                "products": opened.index.count,
                **taught.described,
            },
            advance=partial(progress.advance, task),
        )


@train_app.command("blender")
@command
def train_blender_command(
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a LightGBM blender on judged queries and compare it, by cross-validation, with fixed fusions.

    Example: multirecall train blender --queries queries.tsv --judgments judgments.tsv --out blender
    """
    from multirecall.training.blender.storing import check_target, save_blender

    check_target(out)
    settings = load_settings()
    taught = _taught(queries, judgments, clicks or [], seed)
    growing = replace(Growing(), rounds=rounds, dropout=dropout, seed=seed)
    with opened_searcher(
        settings, engine_url=engine, routes=routes, fusion="weighted_sum", candidates=candidates, use_policy=False
    ) as opened:
        for note in opened.notes:
            stderr.print(f"[yellow]{printable(note)}[/]")
        trained = learned_blender(
            opened,
            taught,
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
