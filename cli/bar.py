"""A progress bar on standard error, for terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from multirecall.cli.output import stderr

__all__ = ["Draw", "clock", "drawn_bar"]

Draw = Callable[[str, float | None, str], None]
"""(stage, share from 0 to 1 or None while nothing tells, what is done)."""


def clock(seconds: float) -> str:
    """A duration as minutes and seconds, with hours if there are any: 2:05, 1:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def drawn_bar(stage: str, *, shown: bool) -> Iterator[Draw]:
    """Yields what draws it; nothing is drawn where standard error is no terminal. It vanishes at the end."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[done]}"),
        console=stderr,
        transient=True,
        disable=not shown or not stderr.is_terminal,
    ) as progress:
        task = progress.add_task(stage, total=None, done="")

        def draw(stage: str, share: float | None, done: str) -> None:
            total = None if share is None else 1.0
            progress.update(task, description=stage, total=total, completed=share or 0.0, done=done)

        yield draw
