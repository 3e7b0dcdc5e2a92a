"""`multirecall routes-report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.evaluation_files import read_all_judgments
from multirecall.cli.output import console, print_json, printable, stderr
from multirecall.cli.show_routes import learned_as_dict, learned_view, routes_view
from multirecall.cli.show_training import training_steps
from multirecall.cli.state import command
from multirecall.core.errors import InvalidSource
from multirecall.evaluation.joining import joined
from multirecall.evaluation.queries import read_queries
from multirecall.training.routes.collecting import ask_routes
from multirecall.training.routes.policy import learn_policy
from multirecall.training.routes.rules import Learning
from multirecall.training.routes.valuing import report_routes
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings

__all__ = ["routes_report"]


@command
def routes_report(
    queries: Annotated[Path, typer.Option(help="Queries: qid, query, and columns to cut segments by.")],
    judgments: Annotated[list[Path], typer.Option(help="Judgments; may be given more than once.")],
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    routes: Annotated[str | None, typer.Option(help="Two routes or more, with commas.")] = None,
    fusion: Annotated[str | None, typer.Option(help="weighted_sum, rrf, blender:PATH …")] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder; must be the one that made the index.")] = None,
    segments: Annotated[
        str | None, typer.Option(help="Segments, with commas; or none.", show_default="as for evaluate")
    ] = None,
    relevant_grade: Annotated[float, typer.Option(min=0.001, help="Grade from which on a product is relevant.")] = 1.0,
    learn: Annotated[Path | None, typer.Option(help="Learn a route policy and write it to this file.")] = None,
    skippable: Annotated[
        str | None,
        typer.Option(help="Routes that the policy may leave out.", show_default="those that run a model"),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=0.5, help="Mean fall of nDCG@10 that the policy may cost.")
    ] = Learning().tolerance,
    timeout: Annotated[float, typer.Option(min=0.001, max=600, help="Time budget per query, seconds.")] = 30.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same figures.")] = Learning().seed,
    html: Annotated[Path | None, typer.Option(help="Write a report with plots (extra `report`).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure what each route is worth: alone, left out, what only it finds, its time; and learn when to skip one.

    Example: multirecall routes-report --queries queries.tsv --judgments judgments.tsv --learn policy.json
    """
    settings = load_settings()
    judged_queries = read_queries(queries)
    grades = joined(read_all_judgments(judgments, None, False), judged_queries).judgments
    with (
        opened_searcher(
            settings,
            engine_url=engine,
            routes=routes,
            fusion=fusion,
            encoder=encoder,
            timeout_s=timeout,
            use_policy=False,
        ) as opened,
        training_steps(shown=not as_json) as on_step,
    ):
        for note in opened.notes:
            stderr.print(f"[yellow]{printable(note)}[/]")
        searcher = opened.searcher
        asked = ask_routes(
            searcher,
            judged_queries,
            grades,
            timeout_s=timeout,
            advance=on_step("asking the routes", len(judged_queries)),
        )
        on_step("comparing", None)
        report = report_routes(
            asked,
            searcher.fusion,
            segments=_names(segments),
            relevant_grade=relevant_grade,
            seed=seed,
        )
        learned = None
        if learn is not None:
            on_step("learning rules", None)
            records = opened.engine.scan(["brand"], index=opened.index.name)
            learned = learn_policy(
                asked,
                searcher.fusion,
                routes=_names(skippable) or [route.name for route in searcher.routes if route.needs_preparation],
                brands={str(record["brand"]) for record in records if record.get("brand")},
                learning=Learning(tolerance=tolerance, seed=seed),
            )
            _write(learn, learned.policy.to_json(), "learn")
    if html is not None:
        from multirecall.evaluation.html import render_routes_report

        _write(html, render_routes_report(report), "html")
    if as_json:
        print_json({"index": opened.index.name, "routes": report, "policy": learned and learned_as_dict(learned)})
        return
    console.print(routes_view(report))
    if learned is not None:
        console.print(learned_view(learned))
        if learned.accepted:
            console.print(f"Use it: MULTIRECALL_ROUTE_POLICY={printable(str(learn))}", soft_wrap=True)
    if html is not None:
        console.print(f"\nReport: {printable(str(html))}", soft_wrap=True)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip() not in ("", "none")]


def _write(path: Path, text: str, field: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InvalidSource(f"Cannot write {path}: {error.strerror}.", field=field) from None
