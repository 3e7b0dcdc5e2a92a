"""`multirecall sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.output import console, print_json, printable
from multirecall.cli.state import command
from multirecall.evaluation.testbed import write_sample

__all__ = ["sample"]


def _counts(by_name: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in by_name.items())


@command
def sample(
    out: Annotated[Path, typer.Option(help="Folder to write; made if absent.")],
    products: Annotated[int, typer.Option(min=100, max=1_000_000, help="Size of the catalogue.")] = 5_000,
    queries: Annotated[int | None, typer.Option(min=10, max=100_000, help="Number of queries.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same files.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a generated shop: catalogue, queries with grades by construction, clicks, concepts.

    Example: multirecall sample --out bed --products 20000
    """
    report = write_sample(out, products=products, queries=queries, seed=seed)
    if as_json:
        print_json({"out": str(out), **report.to_dict()})
        return
    console.print(f"[bold]{report.products:,} products[/] in {printable(str(out))}: generated (seed {seed}), not real.")
    console.print(
        f"{report.queries:,} queries ({_counts(report.by_class)}), {report.judgments:,} grades by construction, "
        f"{report.clicks:,} clicks on {report.impressions:,} impressions.",
        soft_wrap=True,
    )
    console.print(
        f"Index it: multirecall index {printable(str(out / 'catalogue.jsonl'))} "
        f"--mapping {printable(str(out / 'multirecall.toml'))}",
        style="dim",
        soft_wrap=True,
    )
