"""What `multirecall train blender` shows: progress, the comparison, what the model is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from multirecall.cli.output import console, printable, stderr
from multirecall.cli.show_evaluation import evaluation_view, figure_table

if TYPE_CHECKING:
    from multirecall.training.blender.training import TrainedBlender
    from multirecall.wiring.learning import OnStep

__all__ = ["short_training_view", "training_steps", "training_summary", "training_view"]

_FEATURES = 8


@contextmanager
def training_steps(*, shown: bool) -> Iterator[OnStep]:
    """A bar per step on standard error, for terminals; yields what begins a step."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not shown or not stderr.is_terminal,
    )

    def on_step(what: str, at_most: int | None) -> Callable[[], None]:
        return partial(progress.advance, progress.add_task(what, total=at_most))

    with progress:
        yield on_step


def training_summary(trained: TrainedBlender, out: Path) -> dict[str, Any]:
    """What `--json` prints."""
    found = trained.calibrated
    return {
        "model": str(out),
        "routes": list(trained.model.features.routes),
        "trees": trained.model.booster.num_trees(),
        "report": trained.report,
        "card": trained.model.card,
        "reliability": found.reliability,
        "separation": found.separation,
    }


def short_training_view(trained: TrainedBlender, out: Path) -> None:
    """Prints the first measure of all systems over all queries, and what the blender gains."""
    report = trained.report
    measure = report.measures[0]
    console.print(figure_table([figure for figure in report.overall.figures if figure.measure == measure]))
    gained = report.overall.comparison(trained.name, measure)
    if gained is not None:
        console.print(
            f"{measure} of the blender against {gained.baseline}: {gained.difference:+.3f} "
            f"({gained.ci.confidence:.0%} interval {gained.ci.low:+.3f} to {gained.ci.high:+.3f})."
        )
    console.print(f'Use it: multirecall search "…" --fusion blender:{printable(str(out))}', soft_wrap=True)


def training_view(trained: TrainedBlender, out: Path) -> None:
    """Prints the comparison, the calibration and the most used features."""
    console.print(evaluation_view(trained.report))
    found = trained.calibrated
    console.print(
        f"\n[bold]Probabilities[/] ({found.choice.kind}): relevant means grade {found.relevant_grade:g} or more; "
        f"expected calibration error {found.reliability.ece:.3f}, Brier score {found.reliability.brier:.3f}."
    )
    empty = found.no_good_result
    if empty.met:
        console.print(
            f"No good result below a best probability of {empty.threshold:.2f}: {empty.precision:.0%} of the lists "
            f"called so have indeed none, {empty.recall:.0%} of those without one are found; "
            f"{empty.hidden:.0%} of the good lists are called so wrongly."
        )
    else:
        console.print("No threshold calls lists bad reliably: no answer will say that there is no good result.")
    card = trained.model.card
    used = ", ".join(f"{row['name']}" for row in card["importances"][:_FEATURES])
    console.print(f"\n[bold]Model[/]: {card['trees']} trees; the features that gain most: {used}.")
    comparison = trained.report.overall.comparison(trained.name, trained.report.measures[0])
    if comparison is not None and not (comparison.significant and comparison.difference > 0):
        console.print(
            f"[bold yellow]The blender is not significantly better than {comparison.baseline}.[/] More judged queries "
            "help most: multirecall pool lists what is worth judging."
        )
    console.print(f"Use it: multirecall search … --fusion blender:{printable(str(out))}", soft_wrap=True)
