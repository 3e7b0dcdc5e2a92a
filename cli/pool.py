"""`multirecall pool`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.evaluation_files import fetch_titles, read_all_judgments, read_runs
from multirecall.cli.output import console, counted, print_json, printable
from multirecall.cli.state import command
from multirecall.evaluation.joining import joined
from multirecall.evaluation.pooling import pooled, write_pool
from multirecall.evaluation.queries import read_queries

__all__ = ["pool"]


@command
def pool(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run files in TREC format.")],
    queries: Annotated[Path, typer.Option(help="Queries: qid, query.")],
    out: Annotated[Path, typer.Option(help="Table to write: fill in its column grade.")],
    judgments: Annotated[
        list[Path] | None, typer.Option(help="What is judged already; may be given more than once.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, max=1000, help="Products to take from the top of each run.")] = 10,
    engine: Annotated[str | None, typer.Option(help="Engine URL: write titles from there.")] = None,
    judgments_format: Annotated[
        str | None, typer.Option(help="table, trec, esci, wands or letor.", show_default="by content")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the unjudged products of the runs' tops to a table, ready for judging.

    Example: multirecall pool lexical.trec dense.trec --queries queries.tsv --judgments judgments.tsv --out pool.tsv
    """
    asked = read_queries(queries)
    known = joined(read_all_judgments(judgments, judgments_format, True), asked).judgments if judgments else None
    rows = pooled(read_runs(runs).values(), asked, known, depth)
    titles = fetch_titles(engine, (row.product_id for row in rows))
    write_pool(out, rows, titles)
    n_queries = len({row.qid for row in rows})
    if as_json:
        print_json(
            {"pool": str(out), "products": len(rows), "queries": n_queries, "depth": depth, "titles": len(titles)}
        )
        return
    console.print(
        f"{printable(str(out))}: {counted(len(rows), 'product')} to judge for {n_queries:,} queries. "
        "Fill in the column grade, then give the file as one more --judgments.",
        soft_wrap=True,
    )
