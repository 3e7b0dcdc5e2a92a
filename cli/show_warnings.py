"""Warnings for people: what was left out of rows, read otherwise or guessed."""

from __future__ import annotations

from collections.abc import Sequence

from multirecall.cli.output import console, printable
from multirecall.indexer.report import BuildWarning

__all__ = ["warnings_view"]

_SHOWN = 12


def warnings_view(warnings: Sequence[BuildWarning]) -> None:
    """Prints the first kinds, each with its count and its first example, and how many more there are."""
    for warning in warnings[:_SHOWN]:
        times = f"{warning.count:,} x " if warning.count > 1 else ""
        example = f" [dim](first: {printable(warning.example)})[/]" if warning.example else ""
        console.print(f"[yellow]note:[/] {times}{printable(warning.what)}{example}", soft_wrap=True)
    if len(warnings) > _SHOWN:
        console.print(f"[yellow]note:[/] {len(warnings) - _SHOWN} more kinds of notes; --json lists them")
