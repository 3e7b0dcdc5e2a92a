"""The loop that every training of a tower runs: a loss per step, Adam, a checkpoint now and then."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.training.dense.base import Tower
from multirecall.training.dense.checkpoint import load_checkpoint, save_checkpoint

__all__ = ["OnStep", "Pace", "learn"]

OnStep = Callable[[int, int], None]
"""(steps done, steps in all), after each step; may raise to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`learning_rate` is reached after the share `warm_up` of the steps, and falls to 0 as a cosine. Every
    `checkpoint_every` steps, and after the last, the state is kept, if there is a file for it."""

    steps: int
    learning_rate: float
    warm_up: float = 0.1
    checkpoint_every: int = 50

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be 1 or more, got {getattr(self, name)}.", field=name)
        if self.learning_rate < 0 or not 0 <= self.warm_up <= 1:
            raise InvalidInput("The learning rate is 0 or more, the warm-up a share of the steps.", field="warm_up")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        warm = round(self.warm_up * self.steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


def learn(
    tower: Tower,
    loss_of: Callable[[int], Tensor],
    pace: Pace,
    *,
    identity: str,
    checkpoint: Path | None = None,
    on_step: OnStep = lambda done, steps: None,
) -> list[float]:
    """Changes the tower's parameters in place; returns the loss of every step that was done here.

    `loss_of(step)` must be a function of the step and the parameters. With a `checkpoint` file, a training of the same
    `identity` goes on where it was, to the same weights. Raises InvalidSettings if the loss is no number: then nothing
    of that step was learned, nor kept.
    """
    parameters = tower.parameters()
    optimiser = torch.optim.Adam(parameters.values(), lr=pace.learning_rate)
    first = load_checkpoint(checkpoint, identity, parameters, optimiser) if checkpoint is not None else 0
    losses: list[float] = []
    for step in range(first, pace.steps):
        for group in optimiser.param_groups:
            group["lr"] = pace.rate(step)
        loss = loss_of(step)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InvalidSettings(
                f"The loss of step {step + 1} is {value}: the training has run away.",
                hint="Train with a lower learning rate, or a higher temperature.",
                field="learning_rate",
            )
        optimiser.zero_grad()
        if loss.requires_grad:  # it does not where a batch holds nothing to learn
            loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(value)
        if checkpoint is not None and ((step + 1) % pace.checkpoint_every == 0 or step + 1 == pace.steps):
            save_checkpoint(checkpoint, identity, step + 1, parameters, optimiser)
        on_step(step + 1, pace.steps)
    return losses
