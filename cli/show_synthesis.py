"""How synthetic pairs are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multirecall.cli.output import console, counted

__all__ = ["synthesis_view"]


def synthesis_view(report: Mapping[str, Any]) -> None:
    """Prints what came of it, and how sure the judges are."""
    if not report:
        return
    by_type = ", ".join(f"{n:,} {kind}" for kind, n in sorted(report["by_type"].items()))
    console.print(
        f"[bold]{counted(report['pairs'], 'pair')}[/] for {report['kept_queries']:,} of {report['queries']:,} queries"
        f"{f' ({by_type})' if by_type else ''}; {report['known']:,} were settled before.",
        soft_wrap=True,
    )
    for name, judge in report["judges"].items():
        said = f"{judge['precision']:.0%} right of {judge['labelled_pairs']:,} labelled pairs that pass it"
        warning = "" if judge["met"] else " [yellow](less than was asked for: judge more pairs)[/]"
        console.print(
            f"Judge {name}: from {judge['threshold']:.3f} on, {said}, {judge['recall']:.0%} of the good.{warning}"
        )
    for reason, n in sorted(report["dropped"].items()):
        console.print(f"{n:,} without pairs: {reason}.", style="dim")
