"""`multirecall tune`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from multirecall.cli.bar import clock
from multirecall.cli.output import console, print_json, stderr
from multirecall.cli.show_training import training_steps
from multirecall.cli.show_tuning import plan_view, tuning_summary, tuning_view
from multirecall.cli.state import command
from multirecall.wiring.settings import load_settings

__all__ = ["tune"]

_STEP = "read, queries, rewriters, pairs, encoder, trial, blender, compare, proposal"


@command
def tune(
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    out: Annotated[Path, typer.Option(help="Folder for everything that is made, and for where it stands.")] = Path(
        "tuning"
    ),
    queries: Annotated[Path | None, typer.Option(help="Your judged queries (qid, query); they decide then.")] = None,
    judgments: Annotated[Path | None, typer.Option(help="Their grades.", show_default="generated")] = None,
    made: Annotated[int, typer.Option(min=20, max=5_000, help="Queries made of products, for each half.")] = 300,
    sample: Annotated[int, typer.Option(min=100, max=200_000, help="Products that queries are made of.")] = 20_000,
    pair_queries: Annotated[int, typer.Option(min=10, max=100_000, help="Queries to find pairs for.")] = 1_000,
    base: Annotated[str, typer.Option(help="Encoder to train: static[:FOLDER] or onnx[:MODEL].")] = "static",
    epochs: Annotated[float, typer.Option(min=0.01, help="Multiple of its rounds.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, max=2_000, help="Most trees of the blender.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed makes the same queries.")] = 0,
    skip: Annotated[list[str] | None, typer.Option(help=f"Leave a step out: {_STEP}.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Run this step again, and take the others as they are.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="Run this step and all behind it again.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it starts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tune a shop that has nothing but its catalogue: learn, compare, and propose settings. Nothing live is changed.

    Interrupted at any point, it goes on there when it is called again.

    Example: multirecall tune --engine embedded:shop --out tuning
    """
    from multirecall.training.tuning.steps import State, plan, run_planned
    from multirecall.wiring.tuning import tuning_steps
    from multirecall.wiring.tuning_settings import TuneOptions

    options = TuneOptions(
        judged_queries=queries,
        judgments=judgments,
        queries=made,
        sample=sample,
        pair_queries=pair_queries,
        base=base,
        epochs=epochs,
        rounds=rounds,
        seed=seed,
    )
    steps = tuning_steps(load_settings(), options, out, engine_url=engine)
    with State(out) as state:
        planned = plan(steps, state, skip=skip or (), only=only or (), start=start)
        if not as_json:
            plan_view(planned, state, evidence=options.evidence)
            if not yes and sys.stdin.isatty() and not typer.confirm("Start?", default=True, err=True):
                raise typer.Exit(1)
        with training_steps(shown=not as_json) as on_step:
            results = run_planned(
                planned,
                state,
                on_step=on_step,
                on_done=lambda one, took_s: (
                    None if as_json else stderr.print(f"{one.step.name}: {clock(took_s)}", style="dim")
                ),
            )
        if as_json:
            print_json(tuning_summary(planned, state, results))
            return
        tuning_view(results)
        console.print(f"All of it lies in {out}.", style="dim", soft_wrap=True, markup=False)
