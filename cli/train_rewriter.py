"""`multirecall train rewriter`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from multirecall.cli.bar import Draw, drawn_bar
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.state import command
from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Engine
from multirecall.wiring.engines import opened_encoder, opened_engine
from multirecall.wiring.settings import Settings, load_settings

__all__ = ["train_rewriter_command"]

_PHASES = {"sft": "Learning the lists", "rl": "Learning from rewards"}


@command
def train_rewriter_command(
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    recipe: Annotated[
        str, typer.Option(help="small, tiny, smollm2, or a Hugging Face model by name or folder.")
    ] = "small",
    concepts: Annotated[
        list[Path] | None, typer.Option(help="Knowledge files (TOML).", show_default="the built-in ones")
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue file to learn from, instead of an index.", show_default="none")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    encoder: Annotated[str, typer.Option(help="Frozen encoder of the rewards.")] = "static?dim=256",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stood.")] = False,
    lora_rank: Annotated[
        int | None, typer.Option(min=0, help="Rank of the adapters of a pretrained model; 0: train all weights.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of supervised fine-tuning.")] = None,
    updates: Annotated[int | None, typer.Option(min=0, help="Updates of reinforcement learning.")] = None,
    cycle: Annotated[float, typer.Option(min=0, max=0.9, help="Share of cycle consistency in the reward.")] = 0.0,
    pseudo_titles: Annotated[
        bool, typer.Option("--pseudo-titles", help="Teach titles of products instead of queries.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a rewriter on concepts, by lists of shop queries and then by rewards. Needs the extra `train`.

    Example: multirecall train rewriter --recipe small --out rewriter
    """
    from multirecall.recall.rewriters.knowledge import built_in_concepts, load_concepts
    from multirecall.training.rewriter.recipes import open_recipe
    from multirecall.training.rewriter.training import lessons_of, train_rewriter

    if catalogue is not None and engine is not None:
        raise InvalidInput("--catalogue and --engine exclude each other.", hint="Leave one out.", field="catalogue")
    settings = load_settings()
    chosen = replace(open_recipe(recipe, lora_rank=lora_rank), seed=seed, pseudo_titles=pseudo_titles)
    supervised, reinforced = chosen.supervised, replace(chosen.reinforced, cycle=cycle)
    if steps is not None:
        supervised = supervised.of_steps(steps)
    if updates is not None:
        reinforced = replace(reinforced, updates=updates)
    chosen = replace(chosen, supervised=supervised, reinforced=reinforced)
    known = [c for path in concepts for c in load_concepts(path)] if concepts else list(built_in_concepts())
    with _shop(settings, catalogue, engine) as opened, drawn_bar("Reading the shop", shown=not as_json) as draw:
        trained = train_rewriter(
            lessons_of(known, opened, chosen),
            opened,
            opened_encoder(settings, encoder),
            chosen,
            out=out,
            resume=resume,
            on_row=lambda row: _draw(draw, row, supervised.steps, reinforced.updates),
        )
    if as_json:
        print_json({"out": str(trained.out), **trained.card})
        return
    _view(trained.card["figures"])
    shown = printable(str(out))
    console.print(f"The rewriter lies in {shown}; curves.jsonl holds the course of every reward.", soft_wrap=True)
    console.print(f"Use it: MULTIRECALL_REWRITERS=units,spelling,model:{shown}", style="dim", soft_wrap=True)


@contextmanager
def _shop(settings: Settings, catalogue: Path | None, engine: str | None) -> Iterator[Engine]:
    """The engine of the settings, or an index of the catalogue that lives as long as the training."""
    if catalogue is None:
        with opened_engine(settings, engine) as opened:
            yield opened
        return
    from multirecall.engines.opening import open_engine
    from multirecall.indexer.build import build
    from multirecall.indexer.sources import Catalogue

    with tempfile.TemporaryDirectory() as folder, open_engine(f"embedded:{folder}/index", create=True) as opened:
        build(opened, Catalogue([catalogue]), encoders={})
        yield opened


def _draw(draw: Draw, row: Mapping[str, Any], steps: int, updates: int) -> None:
    phase = str(row["phase"])
    last = steps if phase == "sft" else updates
    told = f"loss {row['loss']:.2f}" if "loss" in row else f"R {row['total']:.3f}"
    draw(_PHASES.get(phase, phase), row["step"] / last, f"{row['step']}/{last}  {told}")


def _view(figures: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """What the three rewards say on held-out queries, before and after reinforcement."""
    from rich.table import Table

    names = ("total", "relevance", "alignment", "diversity", "similarity")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("held-out queries")
    for name in ("R", *names[1:]):
        table.add_column(name, justify="right")
    for phase, sets in figures.items():
        for name, measured in sets.items():
            table.add_row(f"{phase}: {name.replace('_', ' ')}", *(f"{measured[key]:.3f}" for key in names))
    console.print(table)
