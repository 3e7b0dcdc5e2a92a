"""`multirecall train semantic-id`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from multirecall.cli.bar import drawn_bar
from multirecall.cli.judged import read_judged
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.state import command
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

__all__ = ["train_semantic_id_command"]


@command
def train_semantic_id_command(
    out: Annotated[Path, typer.Option(help="Folder for the ids and the model.")],
    queries: Annotated[Path | None, typer.Option(help="Judged queries to learn from too.", show_default="none")] = None,
    judgments: Annotated[Path | None, typer.Option(help="Their judgments.", show_default="none")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    codes: Annotated[int, typer.Option(min=2, max=8192, help="Codes per layer.")] = 64,
    layers: Annotated[int, typer.Option(min=1, max=8, help="Layers, and so tokens of an id at most.")] = 3,
    heads: Annotated[
        int, typer.Option(min=-1, help="Frequent tokens of layer 2 that ids leave out; -1: as many as the figures say.")
    ] = -1,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of fine-tuning.")] = None,
    precision: Annotated[str, typer.Option(help="fp32 or int8.")] = "fp32",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stood.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train semantic ids of the live index and a model that writes them for queries. Needs the extra `train`.

    Example: multirecall train semantic-id --out ids
    """
    from multirecall.training.semantic_id.training import IdRecipe, train_semantic_ids

    asked, judged = read_judged(queries, judgments)
    recipe = IdRecipe(sizes=(codes,) * layers, heads=heads, precision=precision, seed=seed)
    if steps is not None:
        recipe = replace(recipe, tuning=recipe.tuning.of_steps(steps))
    settings = load_settings()
    with opened_engine(settings, engine) as opened, drawn_bar("Making ids", shown=not as_json) as draw:

        def on_row(row: Mapping[str, Any]) -> None:
            last = recipe.tuning.steps
            draw("Learning to write them", row["step"] / last, f"{row['step']:,}/{last:,}  loss {row['loss']:.2f}")

        trained = train_semantic_ids(
            opened,
            recipe,
            out=out,
            queries=asked,
            judgments=judged,
            resume=resume,
            on_row=on_row,
        )
    if as_json:
        print_json({"out": str(trained.out), **trained.card})
        return
    figures = trained.card["ids"]["ids"]
    console.print(
        f"[bold]{trained.card['products']:,} products[/] have [bold]{figures['distinct']:,} ids[/] of "
        f"{figures['length']:.2f} tokens on average.",
        soft_wrap=True,
    )
    where = printable(str(out))
    console.print(f"Use them: MULTIRECALL_LABELS=semantic_id:{where} multirecall rebuild", style="dim", soft_wrap=True)
    console.print("Then search with --routes lexical,dense,semantic_id", style="dim", soft_wrap=True)
