"""`multirecall rewriters`: what the route `rewrite` learns from the catalogue, and what it would say to a query."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from multirecall.cli.evaluation_files import fetch_titles, read_all_judgments
from multirecall.cli.output import console, counted, print_json, printable, stderr
from multirecall.cli.precompute import precompute_command
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput
from multirecall.wiring.settings import load_settings

__all__ = ["rewriters_app"]

rewriters_app = typer.Typer(help="Other words for a query: learn them, look at them, try them.", no_args_is_help=True)

_RELEVANT = 2 / 3  # of the highest grade
_SHOWN_SYNONYMS = 10


@rewriters_app.callback()
def _group() -> None:
    """Other words for a query: learn them, look at them, try them."""


@rewriters_app.command("build")
@command
def build(
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from the settings")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write.", show_default="rewriter_dir")] = None,
    queries: Annotated[Path | None, typer.Option(help="Queries of the judgments: qid, query.")] = None,
    judgments: Annotated[
        list[Path] | None, typer.Option(help="Judgments to mine synonyms of; may be given more than once.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn words, brands, part numbers and synonyms from the products of the live index.

    Do it again after large changes of the catalogue; rows of synonyms.tsv that you wrote or switched off stay.

    Example: multirecall rewriters build --engine embedded:shop
    """
    from multirecall.recall.rewriters.building import build_rewriters
    from multirecall.wiring.engines import opened_engine
    from multirecall.wiring.rewriters import rewriter_folder

    if bool(judgments) != bool(queries):
        raise InvalidInput("Judgments and their queries come together: give both or neither.", field="queries")
    settings = load_settings()
    url = engine or settings.engine
    judged = tuple(_judged(url, queries, judgments)) if queries and judgments else ()
    with opened_engine(settings, engine) as opened:
        built = build_rewriters(opened, out or rewriter_folder(settings), judged=judged)
    if as_json:
        print_json(built)
        return
    console.print(
        f"Learned from {counted(built.products, 'product')} in {built.took_s:.1f} s: {counted(built.words, 'word')}, "
        f"{counted(built.codes, 'part number')}, {counted(built.brands, 'brand')}, "
        f"{counted(built.synonyms, 'pair')} of synonyms"
        + (f" beside {built.synonyms_kept:,} of yours" if built.synonyms_kept else "")
        + f".\nFolder: {printable(built.folder)}",
        soft_wrap=True,
    )
    if out is not None and out.expanduser() != rewriter_folder(settings):
        stderr.print(f"To use it: MULTIRECALL_REWRITER_DIR={printable(str(out))}", style="dim", soft_wrap=True)


def _judged(url: str, queries: Path, judgments: list[Path]) -> Iterator[Any]:
    """Each query with the titles of what answers it."""
    from multirecall.evaluation.queries import read_queries
    from multirecall.recall.rewriters.mining import Judged

    read = read_all_judgments(judgments, None, True)
    least = _RELEVANT * read.top_grade
    good = {qid: [one for one, grade in grades.items() if grade >= least] for qid, grades in read.grades.items()}
    titles = fetch_titles(url, (product for products in good.values() for product in products))
    for query in read_queries(queries):
        found = tuple(titles[product] for product in good.get(query.qid, ()) if product in titles)
        if found:
            yield Judged(text=query.text, titles=found)


@rewriters_app.command("show")
@command
def show(
    folder: Annotated[Path | None, typer.Option(help="Folder to look at.", show_default="rewriter_dir")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what was learned: counts, and the first synonyms.

    Example: multirecall rewriters show
    """
    from multirecall.recall.rewriters.artefact import SYNONYMS_FILE, read_card, rows_of
    from multirecall.wiring.rewriters import rewriter_folder

    where = folder or rewriter_folder(load_settings())
    card = read_card(where)
    synonyms = list(rows_of(where / SYNONYMS_FILE, "ssps"))
    if as_json:
        print_json({"folder": str(where), "card": card, "synonyms": synonyms})
        return
    for name, value in card.items():
        console.print(f"{name:>14}  {printable(str(value))}", soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("said", "may mean", "confidence", "source"):
        table.add_column(column, overflow="fold")
    for row in synonyms[:_SHOWN_SYNONYMS]:
        table.add_row(*map(printable, row))
    console.print(table)
    if len(synonyms) > _SHOWN_SYNONYMS:
        more = f"and {len(synonyms) - _SHOWN_SYNONYMS:,} more in {where / SYNONYMS_FILE}"
        console.print(printable(more), style="dim", soft_wrap=True)


@rewriters_app.command("try")
@command
def try_rewriters(
    query: Annotated[str, typer.Argument(help="What a shopper types.")],
    rewriters: Annotated[
        str | None, typer.Option(help="Rewriters, as in the setting of that name.", show_default="from the settings")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the catalogue.")] = "english",
    timeout: Annotated[float, typer.Option(min=0.01, max=600, help="Seconds for all of them.")] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what the rewriters make of a query. Nothing is searched.

    Example: multirecall rewriters try "wirless keybord 2 m"
    """
    from multirecall.core.deadline import Deadline
    from multirecall.search.understand import understand
    from multirecall.wiring.rewriters import opened_rewriters

    settings = load_settings(**({"rewriters": rewriters} if rewriters is not None else {}))
    chain = opened_rewriters(settings, language=language)
    found = chain.rewrite_all(understand(query), Deadline.after(timeout))
    if as_json:
        print_json({"query": query, "rewritings": found.rewritings, "failed": dict(found.failed), "notes": chain.notes})
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("rewriting", "confidence", "by", "because"):
        table.add_column(column, overflow="fold")
    for one in found.rewritings:
        table.add_row(printable(one.text), f"{one.confidence:.2f}", one.by, printable("; ".join(one.log)))
    if found.rewritings:
        console.print(table)
    else:
        console.print("No rewriter has anything to say.")
    for name, why in found.failed.items():
        stderr.print(f"[yellow]failed:[/] {printable(name)}: {printable(why)}", soft_wrap=True)
    for note in chain.notes:
        stderr.print(f"[yellow]note:[/] {printable(note)}", soft_wrap=True)


rewriters_app.command("precompute")(precompute_command)
