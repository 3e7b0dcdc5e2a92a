"""Graded training in stages: what each minimises, on which groups, and how it stands on queries that are held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.encoders.fingerprint import fingerprint
from multirecall.training.dense.base import Tower
from multirecall.training.dense.group_batches import GroupBatch, GroupBatches
from multirecall.training.dense.learning import OnStep, Pace, learn
from multirecall.training.dense.objectives import Objective, Rows
from multirecall.training.graded.groups import GradedGroup

__all__ = ["Stage", "StageResult", "Watch", "train_stage", "values_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`epochs` rounds over the groups, `batch` queries at a time with up to `per_level` products of each level.

    `rate` is a multiple of the tower's own learning rate. `dims` are truncations on which the loss is taken as well
    (Matryoshka): the mean over them and the full width.
    """

    name: str
    objective: Objective
    epochs: float
    rate: float = 1.0
    batch: int = 32
    per_level: int = 2
    dims: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.epochs <= 0 or self.rate <= 0 or any(dim < 1 for dim in self.dims):
            raise InvalidInput(f"Stage {self.name}: epochs, rate and dims must be above 0.", field="epochs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`figure()` is taken about `times` times during a stage, the last after its last step; `tell` hears each."""

    figure: Callable[[], float]
    times: int = 4
    tell: Callable[[str, int, float], None] = lambda stage, step, figure: None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """`losses` of the steps that were done here; `watched` figures by step; `masked`, the mean share of the entries
    that a false-negative mask took (None without one)."""

    name: str
    steps: int
    losses: Sequence[float]
    watched: Mapping[int, float] = field(default_factory=dict)
    masked: float | None = None

    def card(self) -> dict[str, Any]:
        """Plain JSON values for the encoder's card."""
        last = self.losses[-20:]
        return {
            "steps": self.steps,
            "loss": round(sum(last) / len(last), 4) if last else None,
            "held_out": {str(step): round(value, 4) for step, value in self.watched.items()},
            **({} if self.masked is None else {"masked": round(self.masked, 5)}),
        }


def train_stage(
    tower: Tower,
    groups: Sequence[GradedGroup],
    texts: Mapping[str, str],
    stage: Stage,
    *,
    seed: int,
    before: str = "",
    kinds: Mapping[str, str] = MappingProxyType({}),
    checkpoint: Path | None = None,
    watch: Watch | None = None,
    on_step: OnStep = lambda done, steps: None,
) -> tuple[StageResult, str]:
    """Trains the tower, which was prepared for all texts, in place; returns the result and the stage's identity.

    `texts` are the products' texts by id. `before` is the identity of the stage before: the weights depend on it. A
    `checkpoint` of the same identity goes on where it was, to the same weights, and stays: it holds the stage's last
    state. Raises as `learn` and `GroupBatches`, and InvalidInput for products without a text.
    """
    missing = sorted({product for group in groups for product in group.products if product not in texts})
    if missing:
        raise InvalidInput(
            f"{len(missing)} judged products have no text: {', '.join(missing[:3])}.",
            hint="Train with the catalogue that was judged.",
            field="product",
        )
    batches = GroupBatches(groups, batch=stage.batch, per_level=stage.per_level, seed=seed, kinds=kinds)
    steps = batches.steps(stage.epochs)
    identity = _identity(tower, groups, texts, stage, seed, before, kinds)
    masked: list[float] = []
    watched: dict[int, float] = {}
    every = max(1, steps // watch.times) if watch is not None else 0

    def loss_of(step: int) -> Tensor:
        batch = batches.batch(step)
        queries, products = tower.encode(batch.queries), tower.encode([texts[product] for product in batch.products])
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        dims = [*(dim for dim in stage.dims if dim < queries.shape[1]), queries.shape[1]]
        losses = [
            stage.objective(_rows(queries[:, :dim], products[:, :dim], batch, step / steps, generator, masked))
            for dim in dims
        ]
        return torch.stack(losses).mean()

    def after(done: int, steps: int) -> None:
        if watch is not None and (done % every == 0 or done == steps):
            watched[done] = watch.figure()
            watch.tell(stage.name, done, watched[done])
        on_step(done, steps)

    pace = Pace(steps=steps, learning_rate=stage.rate * tower.learning_rate)
    losses = learn(tower, loss_of, pace, identity=identity, checkpoint=checkpoint, on_step=after)
    share = sum(masked) / len(masked) if masked else None
    return StageResult(name=stage.name, steps=steps, losses=losses, watched=watched, masked=share), identity


def values_of(tower: Tower) -> dict[str, Tensor]:
    """A copy of what the tower has learned by now, by name."""
    return {name: parameter.detach().clone() for name, parameter in tower.parameters().items()}


def _rows(
    queries: Tensor, products: Tensor, batch: GroupBatch, done: float, generator: torch.Generator, masked: list[float]
) -> Rows:
    device = queries.device
    return Rows(
        scores=functional.normalize(queries, dim=1) @ functional.normalize(products, dim=1).T,
        levels=torch.from_numpy(batch.levels).to(device),
        own=torch.from_numpy(batch.own).to(device),
        ignored=torch.from_numpy(batch.ignored).to(device),
        done=done,
        generator=generator,
        masked=masked,
    )


def _identity(
    tower: Tower,
    groups: Sequence[GradedGroup],
    texts: Mapping[str, str],
    stage: Stage,
    seed: int,
    before: str,
    kinds: Mapping[str, str],
) -> str:
    """16 hex digits over all that the weights depend on."""
    taught = [
        [group.query, [[p, g, texts[p], kinds.get(p, "")] for p, g in zip(group.products, group.grades, strict=True)]]
        for group in groups
    ]
    return fingerprint(
        {"tower": tower.fingerprint, "stage": repr(stage), "seed": seed, "before": before, "groups": taught}
    )
