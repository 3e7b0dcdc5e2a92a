"""`multirecall evaluate`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.evaluation_files import read_all_judgments, read_runs
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.show_evaluation import evaluation_view
from multirecall.cli.state import command
from multirecall.core.errors import InvalidSource
from multirecall.evaluation.evaluating import DEFAULT_MEASURES, evaluate
from multirecall.evaluation.queries import read_queries

__all__ = ["evaluate_runs"]

_BETWEEN_MEASURES = re.compile(r",(?![^()]*\))")


@command
def evaluate_runs(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run files in TREC format.")],
    queries: Annotated[Path, typer.Option(help="Queries: qid, query, and columns to cut segments by.")],
    judgments: Annotated[list[Path], typer.Option(help="Judgments; may be given more than once.")],
    measures: Annotated[
        str, typer.Option(help="With commas: nDCG@10, R(rel=2)@100, RR@10, AP, P@5, Bpref, IGR@10, QGR@10.")
    ] = ",".join(DEFAULT_MEASURES),
    segments: Annotated[
        str | None,
        typer.Option(
            help="Columns of the queries file, frequency, part_number, phrasing, language, length. Or none.",
            show_default="class and frequency if there, and all that the text shows",
        ),
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="Name of the run to compare with.", show_default="first")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report with plots to this file.")] = None,
    judgments_format: Annotated[
        str | None, typer.Option(help="table, trec, esci, wands or letor.", show_default="by content")
    ] = None,
    skip_ungraded: Annotated[bool, typer.Option("--skip-ungraded", help="Leave rows without a grade out.")] = False,
    top_grade: Annotated[
        float | None, typer.Option(min=0.0, help="Highest grade of the scale.", show_default="the highest given")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure runs by judgments: figures with intervals, what is unjudged, segments, significance.

    Example: multirecall evaluate lexical.trec hybrid.trec --queries queries.tsv --judgments judgments.tsv
    """
    report = evaluate(
        read_runs(runs),
        read_queries(queries),
        read_all_judgments(judgments, judgments_format, skip_ungraded),
        [part.strip() for part in _BETWEEN_MEASURES.split(measures) if part.strip()],
        None if segments is None else [s.strip() for s in segments.split(",") if s.strip() not in ("", "none")],
        baseline=baseline,
        top_grade=top_grade,
    )
    if html is not None:
        from multirecall.evaluation.html import render_report

        page = render_report(report, reliability=None)
        try:
            html.write_text(page, encoding="utf-8", errors="replace")
        except OSError as error:
            raise InvalidSource(f"Cannot write {html}: {error.strerror}.", field="html") from None
    if as_json:
        print_json(report)
        return
    console.print(evaluation_view(report))
    if html is not None:
        console.print(f"\nReport: {printable(str(html))}", soft_wrap=True)
