"""What `multirecall tune` shows: the plan with its estimates, the comparison, the proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from multirecall.cli.bar import clock
from multirecall.cli.output import console, printable

if TYPE_CHECKING:
    from multirecall.training.tuning.steps import Planned, Result, State

__all__ = ["plan_view", "tuning_summary", "tuning_view"]


def plan_view(planned: Sequence[Planned], state: State, *, evidence: str) -> None:
    """Prints each step with what becomes of it and how long it may take."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column, side in (("step", "left"), ("", "left"), ("about", "right"), ("", "left")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for one in planned:
        action = one.action.value
        about = clock(one.step.estimate_s) if action == "run" else ""
        if action == "keep":
            done = f"done before, in {clock(state.took_s(one.step.name))}"
        else:
            done = f"left out: {one.why}" if action == "skip" else ""
        table.add_row(one.step.name, one.step.description, about, printable(done))
    console.print(table)
    total = sum(one.step.estimate_s for one in planned if one.action.value == "run")
    console.print(f"About {clock(total)} in all. What decides: {printable(evidence)}.", soft_wrap=True)


def tuning_view(results: Mapping[str, Result]) -> None:
    """Prints the comparison, the proposal and how to apply it, as far as they were made."""
    compared = results.get("compare")
    if compared is not None:
        console.print(_comparison(compared))
        for verdict in compared["verdicts"]:
            word = "[bold green]proposed[/]" if verdict["proposed"] else "[bold yellow]not proposed[/]"
            console.print(f"{verdict['arm']}: {word}. {printable(verdict['why'])}.", soft_wrap=True)
        if compared["incomplete"]:
            console.print(f"{len(compared['incomplete'])} queries were not answered in full and are left out.")
        for line in () if compared["generated"] else results.get("encoder", {}).get("wrong", ()):
            console.print(f"[yellow]judgments:[/] {printable(line)} (rows: card.json of the encoder)", soft_wrap=True)
        for note in compared["notes"]:
            console.print(f"[yellow]note:[/] {printable(note)}", soft_wrap=True)
        if compared["generated"]:
            console.print(
                "Generated queries say what the catalogue says; they are no shoppers. Judge 50 of your own queries "
                "(multirecall pool) and give them with --queries and --judgments.",
                style="dim",
                soft_wrap=True,
            )
    proposed = results.get("proposal")
    if proposed is None:
        return
    if not proposed["settings"]:
        console.print("[bold]Nothing is proposed[/]: today's settings stay.")
        return
    console.print("[bold]To apply the proposal:[/]")
    for line in (*proposed["commands"], f"set -a; . {proposed['file']}; set +a"):
        console.print(f"  {printable(line)}", soft_wrap=True)


def tuning_summary(planned: Sequence[Planned], state: State, results: Mapping[str, Result]) -> dict[str, Any]:
    """What `--json` prints."""
    steps = [
        {
            "step": one.step.name,
            "action": one.action.value,
            "why": one.why,
            "estimate_s": round(one.step.estimate_s, 1),
            "took_s": state.took_s(one.step.name),
        }
        for one in planned
    ]
    return {"steps": steps, "results": dict(results)}


def _comparison(compared: Result) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("change", "against", "measure", "queries", "before", "after", "difference", "95% interval", "p"):
        table.add_column(column, justify="left" if column in ("change", "against", "measure") else "right")
    for row in compared["rows"]:
        if row["kind"]:
            continue
        table.add_row(
            row["arm"],
            row["against"],
            row["measure"],
            f"{row['n']:,}",
            f"{row['before']:.3f}",
            f"{row['after']:.3f}",
            f"{row['difference']:+.3f}",
            f"{row['low']:+.3f} to {row['high']:+.3f}",
            f"{row['p_holm']:.4f}",
        )
    return table
