"""`multirecall demo`: the main job from end to end, on this machine, in a few minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.index import chosen_mapping, index_catalogue, report_view
from multirecall.cli.output import console, printable
from multirecall.cli.show_page import page_view
from multirecall.cli.show_training import short_training_view, training_steps
from multirecall.cli.state import command
from multirecall.core.filters import Range
from multirecall.core.query import Facet, Query
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.evaluation.testbed import write_sample
from multirecall.indexer.build import BuildOptions
from multirecall.search.understand import understand
from multirecall.training.blender.growing import Growing
from multirecall.wiring.learning import judged_by_files, learned_blender
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings

__all__ = ["demo"]

SHOWN_CLASSES = ("head", "tail", "misspelled", "model", "synonym", "attribute_unit")
"""One generated query of each class is shown, then one search with a filter and facets."""

BLENDER_EVERY = 10
"""Every tenth of the 1,250 generated queries: training takes seconds instead of minutes."""


def _one_of_each(queries: list[JudgedQuery]) -> list[tuple[str, str]]:
    chosen: dict[str, str] = {}
    for query in queries:
        chosen.setdefault(query.columns.get("class", ""), query.text)
    return [(name, chosen[name]) for name in SHOWN_CLASSES if name in chosen]


def _faceted() -> Query:
    return understand(
        "printer",
        filter=Range(field="price_minor", lte=30_000.0),
        facets=(Facet(field="brand", size=5), Facet(field="price_minor", edges=(5_000.0, 10_000.0, 20_000.0))),
        size=5,
    )


@command
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the catalogue and the index.")] = Path("demo"),
    products: Annotated[int, typer.Option(min=100, max=1_000_000, help="Products to generate.")] = 5_000,
    encoder: Annotated[str, typer.Option(help="Encoder of the dense route.")] = "",
) -> None:
    """Generate a catalogue, index it, search it, learn to blend its routes: no server, no data of your own.

    Example: multirecall demo --out demo
    """
    from multirecall.training.blender.storing import save_blender

    started = time.perf_counter()
    settings = load_settings()
    bed, engine_url = out / "catalogue", f"embedded:{out / 'index'}"
    console.rule("[bold]1. A catalogue", align="left")
    console.print(f"Generating {products:,} products of a shop that does not exist (they are made up, not real data) …")
    write_sample(bed, products=products)
    console.print(f"They are in {printable(str(bed))}: catalogue, queries with grades, clicks.", soft_wrap=True)
    console.rule("[bold]2. Index it", align="left")
    report = index_catalogue(
        settings,
        [str(bed / "catalogue.jsonl")],
        engine_url=engine_url,
        encoder=encoder or settings.encoder,
        mapping=chosen_mapping(bed / "multirecall.toml"),
        options=BuildOptions(rejects_path=out / "rejects.jsonl"),
        show_progress=True,
    )
    report_view(report, engine_url)
    console.rule("[bold]3. Search it", align="left")
    console.print(
        "The columns [cyan]lexical[/] and [cyan]dense[/] hold the product's rank in each route (-: not found)."
    )
    with opened_searcher(settings, engine_url=engine_url, timeout_s=10.0) as opened:
        opened.searcher.search(understand("warm up"))
        for name, text in _one_of_each(read_queries(bed / "queries.tsv")):
            console.print(f"\n[bold magenta]{name.replace('_', ' ')} query[/]")
            console.print(page_view(opened.searcher.search(understand(text, size=5)), width=console.width))
        console.print("\n[bold magenta]with a filter (at most 300) and facets[/]")
        console.print(page_view(opened.searcher.search(_faceted()), explain=True, width=console.width))
        console.rule("[bold]4. Learn to blend the routes", align="left")
        console.print(
            "The catalogue came with graded queries. From a tenth of them a blender is trained, and compared on "
            "queries it has not seen with each route alone and with fixed fusions. Figures of made-up data say how it "
            "works, not how well it will do in your shop."
        )
        with training_steps(shown=True) as on_step:
            trained = learned_blender(
                opened,
                judged_by_files(bed / "queries.tsv", bed / "judgments.tsv", every=BLENDER_EVERY),
                growing=Growing(rounds=60, dropout=0.0),
                n_folds=3,
                on_step=on_step,
            )
    save_blender(trained.model, out / "blender")
    short_training_view(trained, out / "blender")
    console.rule("[bold]Done", align="left")
    console.print(f"Everything above took {time.perf_counter() - started:.0f} s. Go on with:")
    console.print(f'  multirecall search "your words" --engine {engine_url} --explain', soft_wrap=True)
    console.print("  multirecall index YOUR_CATALOGUE.json --engine embedded:shop", soft_wrap=True)
