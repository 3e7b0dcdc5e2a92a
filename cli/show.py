"""`multirecall settings show`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from multirecall.cli.output import console, print_json, printable
from multirecall.cli.state import command
from multirecall.wiring.settings import CONFIG_FILE, load_settings, shown_settings

__all__ = ["settings_app"]

settings_app = typer.Typer(help="Show the settings of this process.", no_args_is_help=True)


@settings_app.callback()
def _group() -> None:
    """Show the settings of this process."""


@settings_app.command("show")
@command
def show(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """List every setting with its value; secrets are masked.

    Example: MULTIRECALL_FUSION=rrf multirecall settings show
    """
    rows = shown_settings(load_settings())
    if as_json:
        print_json({"settings": rows})
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("setting", "value", "default", "meaning"):
        table.add_column(column, overflow="fold")
    for row in rows:
        changed = row["value"] != row["default"]
        value = printable(str(row["value"]))
        table.add_row(
            row["name"], f"[bold]{value}[/]" if changed else value, printable(str(row["default"])), row["meaning"]
        )
    console.print(table)
    console.print(f"Set them as MULTIRECALL_<SETTING> or in the table \\[settings] of {CONFIG_FILE}.", style="dim")
