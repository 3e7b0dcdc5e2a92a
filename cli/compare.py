"""`multirecall compare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.evaluation_files import fetch_titles, read_all_judgments, read_runs
from multirecall.cli.output import console, print_json
from multirecall.cli.show_comparison import comparison_view
from multirecall.cli.state import command
from multirecall.evaluation.comparing import compare
from multirecall.evaluation.queries import read_queries

__all__ = ["compare_runs"]


@command
def compare_runs(
    a: Annotated[Path, typer.Argument(metavar="A", help="Run file to compare with.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Run file that is compared.")],
    queries: Annotated[Path, typer.Option(help="Queries: qid, query.")],
    judgments: Annotated[list[Path], typer.Option(help="Judgments; may be given more than once.")],
    measure: Annotated[str, typer.Option(help="The measure.")] = "nDCG@10",
    shown: Annotated[int, typer.Option(min=0, max=1000, help="Queries to show.")] = 5,
    depth: Annotated[int, typer.Option(min=1, max=100, help="Products of each list to show.")] = 10,
    engine: Annotated[str | None, typer.Option(help="Engine URL: show titles from there.")] = None,
    judgments_format: Annotated[
        str | None, typer.Option(help="table, trec, esci, wands or letor.", show_default="by content")
    ] = None,
    skip_ungraded: Annotated[bool, typer.Option("--skip-ungraded", help="Leave rows without a grade out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare two runs: wins and losses, and the queries that moved most with both result lists.

    Example: multirecall compare lexical.trec hybrid.trec --queries queries.tsv --judgments judgments.tsv
    """
    (first, second) = read_runs([a, b]).items()
    found = compare(
        first,
        second,
        read_queries(queries),
        read_all_judgments(judgments, judgments_format, skip_ungraded),
        measure,
        n_moved=shown,
        depth=depth,
    )
    titles = fetch_titles(engine, (p.product_id for query in found.moved for p in (*query.shown_a, *query.shown_b)))
    if as_json:
        print_json({**asdict(found), "titles": titles})
        return
    console.print(comparison_view(found, titles, width=console.width))
