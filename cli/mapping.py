"""`multirecall mapping suggest`."""

from __future__ import annotations

from typing import Annotated

import typer

from multirecall.cli.output import print_json, printable, stderr
from multirecall.cli.state import command
from multirecall.core.errors import InvalidSource
from multirecall.indexer.mapping_toml import to_toml
from multirecall.indexer.sources import Catalogue
from multirecall.indexer.suggest import suggest_mapping

__all__ = ["mapping_app"]

mapping_app = typer.Typer(help="Which source field is the title, the brand, the price …", no_args_is_help=True)


@mapping_app.callback()
def _group() -> None:
    """Which source field is the title, the brand, the price …"""


@mapping_app.command("suggest")
@command
def suggest(
    sources: Annotated[list[str], typer.Argument(help="Catalogue files.")],
    rows: Annotated[int, typer.Option(min=10, max=1_000_000, help="Rows to look at.")] = 2_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Propose a mapping from the data, as a commented [mapping] table.

    Example: multirecall mapping suggest catalogue.csv > multirecall.toml
    """
    source = Catalogue(sources)
    sample = source.sample(rows)
    if not sample:
        raise InvalidSource(f"{', '.join(source.names[:3])} holds no row that can be read.", field="source")
    suggestion = suggest_mapping(sample)
    if as_json:
        print_json(
            {
                "mapping": suggestion.mapping.to_dict(),
                "reasons": dict(suggestion.reasons),
                "warnings": list(suggestion.warnings),
                "rows": len(sample),
            }
        )
        return
    typer.echo(to_toml(suggestion), nl=False)
    for warning in suggestion.warnings:
        stderr.print(f"[yellow]note:[/] {printable(warning)}", soft_wrap=True)
