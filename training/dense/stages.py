"""Graded training in stages: what each minimises, on which groups, and how it stands on queries that are held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from multirecall.core.errors import InvalidInput
from multirecall.encoders.fingerprint import fingerprint
from multirecall.training.dense.base import Tower
from multirecall.training.dense.group_batches import GroupBatch, GroupBatches
from multirecall.training.dense.learning import OnStep, Pace, learn
from multirecall.training.dense.objectives import Objective, Rows
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.losses.matryoshka import cosines, matryoshka

__all__ = ["Stage", "StageResult", "Watch", "encoded", "put_back", "train_stage", "values_of"]


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
    judged: Sequence[GradedGroup] = (),
    before: str = "",
    kinds: Mapping[str, str] = MappingProxyType({}),
    checkpoint: Path | None = None,
    watch: Watch | None = None,
    on_step: OnStep = lambda done, steps: None,
) -> tuple[StageResult, str]:
    """Trains the tower, which was prepared for all texts, in place; returns the result and the stage's identity.

    `texts` are the products' texts by id. `judged` tell more of the levels of the same queries' products, where these
    come into a batch by other queries. `before` is the identity of the stage before: the weights depend on it. A
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
    batches = GroupBatches(groups, batch=stage.batch, per_level=stage.per_level, seed=seed, judged=judged, kinds=kinds)
    steps = batches.steps(stage.epochs)
    identity = _identity(tower, [*groups, *judged], texts, stage, seed, before, kinds)
    frozen = _Frozen(tower, groups, texts) if stage.objective.needs_reference else None
    masked: list[float] = []
    watched: dict[int, float] = {}
    every = max(1, steps // watch.times) if watch is not None else 0

    def loss_of(step: int) -> Tensor:
        batch = batches.batch(step)
        queries, products = tower.encode(batch.queries), tower.encode([texts[product] for product in batch.products])
        drawn_by = seed * 1_000_003 + step

        def loss(scores: Tensor) -> Tensor:
            generator = torch.Generator().manual_seed(drawn_by)  # each width draws the same
            return stage.objective(_rows(scores, batch, frozen, step / steps, generator, masked))

        width = queries.shape[1]
        return matryoshka(queries, products, loss, dims=[*(dim for dim in stage.dims if dim < width), width])

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


def put_back(tower: Tower, values: Mapping[str, Tensor]) -> None:
    """Makes the tower what it was when these values were taken (`values_of`)."""
    with torch.no_grad():
        for name, parameter in tower.parameters().items():
            parameter.copy_(values[name])


class _Frozen:
    """The scores of the tower as it is when the stage begins, for any batch of these groups."""

    def __init__(self, tower: Tower, groups: Sequence[GradedGroup], texts: Mapping[str, str]) -> None:
        self._queries = encoded(tower, [group.query for group in groups])
        products = list(dict.fromkeys(product for group in groups for product in group.products))
        vectors = encoded(tower, [texts[product] for product in products])
        self._products = {product: vectors[texts[product]] for product in products}

    def scores(self, batch: GroupBatch) -> Tensor:
        queries = torch.stack([self._queries[query] for query in batch.queries])
        return cosines(queries, torch.stack([self._products[product] for product in batch.products]))


def encoded(tower: Tower, texts: Sequence[str], *, batch: int = 256) -> dict[str, Tensor]:
    """The vector of each different text by the tower as it is now, not normalised, without gradients."""
    different = sorted(set(texts), key=lambda text: (len(text), text))  # texts of one length need no padding
    out: dict[str, Tensor] = {}
    with torch.no_grad():
        for start in range(0, len(different), batch):
            part = different[start : start + batch]
            out.update(zip(part, tower.encode(part), strict=True))
    return out


def _rows(
    scores: Tensor,
    batch: GroupBatch,
    frozen: _Frozen | None,
    done: float,
    generator: torch.Generator,
    masked: list[float],
) -> Rows:
    device = scores.device
    return Rows(
        scores=scores,
        levels=torch.from_numpy(batch.levels).to(device),
        own=torch.from_numpy(batch.own).to(device),
        ignored=torch.from_numpy(batch.ignored).to(device),
        reference=None if frozen is None else frozen.scores(batch),
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
        [
            group.query,
            [[p, g, texts[p], kinds.get(p, "")] for p, g in zip(group.products, group.grades, strict=True)],
            *([group.weights] if group.weights else ()),
        ]
        for group in groups
    ]
    return fingerprint(
        {"tower": tower.fingerprint, "stage": repr(stage), "seed": seed, "before": before, "groups": taught}
    )
