"""What a training by workers reports, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from multirecall.cli.output import console, printable

__all__ = ["trained_view"]


def trained_view(report: Mapping[str, Any]) -> None:
    """Prints what the blender is worth and where it lies; nothing for an empty report."""
    if not report:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{report['queries']:,} queries")
    table.add_column(str(report["measure"]), justify="right")
    for name, mean in report["systems"].items():
        table.add_row(printable(name), "-" if mean is None else f"{mean:.3f}")
    console.print(table)
    gain = report["gain"]
    if gain is not None:
        interval = f"{gain['ci']['low']:+.3f} to {gain['ci']['high']:+.3f}"
        better = gain["significant"] and gain["difference"] > 0
        console.print(
            f"The blender against {printable(gain['baseline'])}: {gain['difference']:+.3f} ({interval})"
            f"{'' if better else '; it is not significantly better'}."
        )
    if report["model"] is None:
        console.print("The model was not stored: it must be significantly better for that.", style="yellow")
        return
    model = printable(str(report["model"]))
    console.print(f"The model lies in {model} on {printable(str(report['host']))}.", soft_wrap=True)
    console.print(f'Use it: multirecall search "…" --fusion blender:{model}', style="dim", soft_wrap=True)
