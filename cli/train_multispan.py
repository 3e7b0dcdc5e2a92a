"""`multirecall train multispan`."""

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

__all__ = ["train_multispan_command"]


@command
def train_multispan_command(
    out: Annotated[Path, typer.Option(help="Folder for the titles and the model.")],
    queries: Annotated[Path | None, typer.Option(help="Judged queries to learn from too.", show_default="none")] = None,
    judgments: Annotated[Path | None, typer.Option(help="Their judgments.", show_default="none")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    spans: Annotated[int, typer.Option(min=1, max=4, help="Spans of a title that a lesson has.")] = 4,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of fine-tuning.")] = None,
    precision: Annotated[str, typer.Option(help="fp32 or int8.")] = "fp32",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stood.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a model that writes spans of the live index's titles for queries. Needs the extra `train`.

    Example: multirecall train multispan --out spans
    """
    from multirecall.training.multispan.training import SpanRecipe, train_multispan

    asked, judged = read_judged(queries, judgments)
    recipe = SpanRecipe(spans=spans, precision=precision, seed=seed)
    if steps is not None:
        recipe = replace(recipe, tuning=recipe.tuning.of_steps(steps))
    with opened_engine(load_settings(), engine) as opened, drawn_bar("Reading titles", shown=not as_json) as draw:

        def on_row(row: Mapping[str, Any]) -> None:
            last = recipe.tuning.steps
            draw("Learning to write spans", row["step"] / last, f"{row['step']:,}/{last:,}  loss {row['loss']:.2f}")

        trained = train_multispan(
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
    lessons = trained.card["lessons"]
    console.print(
        f"[bold]{trained.card['products']:,} titles[/], {lessons['products'] + lessons['judged']:,} lessons.",
        soft_wrap=True,
    )
    where = printable(str(out))
    console.print(
        f"Use it: MULTIRECALL_MULTISPAN={where}, --routes lexical,dense,multispan", style="dim", soft_wrap=True
    )
