"""`multirecall train encoder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from multirecall.cli.bar import drawn_bar
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput
from multirecall.wiring.annotators import pairs_to_annotate
from multirecall.wiring.encoder_options import RECIPES, SEPARATE, EncoderTraining
from multirecall.wiring.encoder_training import HELD_OUT, kept_annotations, shop_to_learn, train_encoder
from multirecall.wiring.settings import load_settings
from multirecall.wiring.towers import DEFAULT_LAYERS

__all__ = ["train_encoder_command"]


@command
def train_encoder_command(
    out: Annotated[Path, typer.Option(help="Folder for the encoder.")],
    queries: Annotated[
        Path | None, typer.Option(help="Queries: qid, query; a column split may name train, dev, test.")
    ] = None,
    judgments: Annotated[Path | None, typer.Option(help="Grades of products for these queries.")] = None,
    clicks: Annotated[
        list[Path] | None, typer.Option(help="Click logs (UBI or tables) instead of queries and judgments.")
    ] = None,
    recipe: Annotated[str, typer.Option(help=f"{', '.join(RECIPES)}.")] = "static",
    base: Annotated[
        str, typer.Option(help="onnx[:MODEL] or static[:FOLDER].", show_default="onnx; static for that recipe")
    ] = "",
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue file to read products from, instead of an index.")
    ] = None,
    epochs: Annotated[float, typer.Option(min=0.01, help="Multiple of the recipe's rounds.")] = 1.0,
    batch: Annotated[int, typer.Option(min=1, help="Queries of a step.")] = 32,
    layers: Annotated[
        int, typer.Option(min=0, help="Upper layers of a transformer that learn; 0: all, many times slower.")
    ] = DEFAULT_LAYERS,
    dims: Annotated[str, typer.Option(help="Truncations to train as well, with commas (roar): 64,128,256.")] = "",
    misspelt: Annotated[float, typer.Option(min=0, max=1, help="Share of queries that get a copy with a slip.")] = 0.3,
    mining: Annotated[bool, typer.Option("--mining/--no-mining", help="Look for hard products.")] = True,
    separate: Annotated[
        str, typer.Option(help=f"What draws levels apart (mine-and-refine): {', '.join(SEPARATE)}.")
    ] = SEPARATE[0],
    at_once: Annotated[
        int,
        typer.Option(min=0, help="Texts of a transformer encoded at a time, for batches that need too much memory."),
    ] = 0,
    device: Annotated[str, typer.Option(help="cpu, or a device of torch: cuda.")] = "cpu",
    seed: Annotated[int, typer.Option(help="The same seed gives the same encoder.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train an encoder on graded judgments; says what it gains on held-out queries. Needs the extra `train`.

    The same command goes on where an interrupted one stood.
    Example: multirecall train encoder --queries queries.tsv --judgments judgments.tsv --out tuned
    """
    if catalogue is not None and engine is not None:
        raise InvalidInput("--catalogue and --engine exclude each other.", hint="Leave one out.", field="catalogue")
    settings = load_settings()
    training = EncoderTraining(
        recipe=recipe,
        queries=queries,
        judgments=judgments,
        clicks=tuple(clicks or ()),
        out=out.absolute(),  # the index will name it, and is read from anywhere
        base=base,
        seed=seed,
        epochs=epochs,
        batch=batch,
        layers=layers,
        device=device,
        at_once=at_once,
        dims=_widths(dims),
        misspelt=misspelt,
        mine=mining,
        annotated=pairs_to_annotate(settings),
        separate=separate,
    )
    with (
        drawn_bar("Opening the shop", shown=not as_json) as draw,
        shop_to_learn(
            settings,
            engine_url=engine,
            catalogue=catalogue,
            kept=kept_annotations(out),
            on_graded=lambda done, pairs: draw("grading mined products", done / pairs, f"{done}/{pairs}"),
        ) as (shop, annotator),
    ):
        trained = train_encoder(shop, training, annotator=annotator, on_training=draw)
    if as_json:
        print_json({"encoder": trained.spec, **trained.card})
        return
    for line in trained.report:
        console.print(printable(line), soft_wrap=True)
    _view(trained.card["held_out"])
    shown = printable(trained.spec)
    console.print(f"The encoder: {shown}. Its card says how it was made, stage by stage.", soft_wrap=True)
    gate = f"MULTIRECALL_JUDGED_QUERIES={out.absolute() / HELD_OUT} MULTIRECALL_JUDGMENTS={judgments} "
    at = f"--engine {engine} " if engine else ""
    console.print(
        f"Use it: {printable(gate) if judgments else ''}multirecall rebuild {printable(at)}--encoder {shown}",
        style="dim",
        soft_wrap=True,
    )


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        raise InvalidInput(f"--dims {text!r} are no whole numbers.", hint="Write 64,128,256.", field="dims") from None


def _view(held_out: dict[str, Any]) -> None:
    """The figures of queries that nothing was learned from."""
    gained = held_out.get("condensed nDCG@10")
    if gained is not None:
        console.print(
            f"On {held_out['queries']} held-out queries: condensed nDCG@10 {gained['before']:.3f} before, "
            f"{gained['after']:.3f} after; {gained['difference']:+.3f} "
            f"(95% interval {gained['low']:+.3f} to {gained['high']:+.3f}).",
            soft_wrap=True,
        )
    else:
        console.print("The held-out products are all of one level: what it gained cannot be told.", soft_wrap=True)
    apart = held_out.get("separation")
    if apart is not None:
        before, after = apart["before"], apart["after"]
        console.print(f"One threshold for all queries: F1 {before['f1']:.3f} before, {after['f1']:.3f} after.")
