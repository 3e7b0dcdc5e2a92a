"""`multirecall train xmc`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.bar import drawn_bar
from multirecall.cli.judged import read_judged
from multirecall.cli.output import console, print_json, printable
from multirecall.cli.state import command
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

__all__ = ["train_xmc_command"]


@command
def train_xmc_command(
    out: Annotated[Path, typer.Option(help="File for the tree.")],
    queries: Annotated[Path | None, typer.Option(help="Judged queries to learn from too.", show_default="none")] = None,
    judgments: Annotated[Path | None, typer.Option(help="Their judgments.", show_default="none")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    leaf: Annotated[int, typer.Option(min=2, max=1000, help="Products below the last node, about.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Passes over the examples of a node at most.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tree.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a tree of linear classifiers that names products of the live index for the words of a query.

    Example: multirecall train xmc --out tree
    """
    from multirecall.training.graded.groups import graded_groups
    from multirecall.training.xmc.shop import train_tree
    from multirecall.training.xmc.training import XmcTraining

    asked, grades = read_judged(queries, judgments)
    judged = graded_groups(asked, grades).groups if grades is not None else ()
    training = XmcTraining(leaf=leaf, rounds=rounds, seed=seed)
    with opened_engine(load_settings(), engine) as opened, drawn_bar("Reading products", shown=not as_json) as draw:
        tree, card = train_tree(
            opened,
            out,
            training=training,
            judged=judged,
            advance=lambda done, total: draw("Learning nodes", done / total, f"{done:,}/{total:,}"),
        )
    if as_json:
        print_json({"out": str(out), "fingerprint": tree.fingerprint, **card})
        return
    console.print(f"[bold]{card['products']:,} products[/] learned from {card['texts']:,} texts.", soft_wrap=True)
    where = printable(str(out))
    console.print(f"Use it: MULTIRECALL_XMC_TREE={where}, --routes lexical,dense,xmc", style="dim", soft_wrap=True)
