"""What a stage minimises: losses over rows of scores, as values that a card can show and a fingerprint can cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from multirecall.training.losses.across_queries import AcrossQueries
from multirecall.training.losses.circle import CENTRES, binary_circle, circle
from multirecall.training.losses.false_negatives import DELTA, false_negative_mask
from multirecall.training.losses.odds_ratio import drawn_groups, odds_ratio
from multirecall.training.losses.pairwise import bradley_terry
from multirecall.training.losses.plackett_luce import plackett_luce
from multirecall.training.losses.preference import direct_preference
from multirecall.training.losses.rows import UNLABELLED, even_weights
from multirecall.training.losses.supervised_contrastive import supervised_contrastive

__all__ = [
    "AcrossQueriesOrder",
    "BinaryCircle",
    "Circle",
    "Contrastive",
    "InfoNce",
    "Objective",
    "OddsRatio",
    "Ordering",
    "Rows",
]


class Rows(NamedTuple):
    """A batch on the way to a loss: scores, levels, own and ignored of shape (n, m), as GroupBatch says.

    `reference` are the scores before the stage, for objectives that ask for them. `done` is the share of the stage's
    steps that lie behind. `generator` draws by seed and step. `masked` takes the share of entries that a false-negative
    mask took, if there was one.
    """

    scores: Tensor
    levels: Tensor
    own: Tensor
    ignored: Tensor
    reference: Tensor | None
    done: float
    generator: torch.Generator
    masked: list[float]


class Objective(Protocol):
    """A frozen dataclass of plain values: its repr is part of what a training is."""

    @property
    def needs_reference(self) -> bool:
        """Whether it asks for the scores before the stage."""
        ...

    def __call__(self, rows: Rows) -> Tensor:
        """A scalar that gradients flow through."""
        ...


class _Free:
    """An objective that looks at nothing but the present scores."""

    __slots__ = ()
    needs_reference = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrastive(_Free):
    """Label-aware supervised contrastive: stage 1 of Mine and Refine. `top` is the highest level."""

    top: int
    temperature: float = 0.05

    def __call__(self, rows: Rows) -> Tensor:
        return supervised_contrastive(
            rows.scores,
            rows.levels,
            ignored=rows.ignored,
            temperature=self.temperature,
            weights=even_weights(self.top),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoNce(_Free):
    """Each product of a level from `lowest` on that a query drew is picked out of the batch; stage 1 of ROAR.

    The query's other products from that level on are no wrong answers. After the share `mask_from` of the stage, so are
    those of no known level that score more than `delta` above the positive; 1 never masks.
    """

    lowest: int
    temperature: float = 0.05
    delta: float = DELTA
    mask_from: float = 1.0

    def __call__(self, rows: Rows) -> Tensor:
        row, column = (rows.own & (rows.levels >= self.lowest)).nonzero(as_tuple=True)
        if not len(row):
            return rows.scores.sum() * 0.0
        scores = rows.scores[row]
        right = rows.levels[row] >= self.lowest
        out = rows.ignored[row] | right
        if rows.done >= self.mask_from:
            unknown = rows.levels[row] == UNLABELLED
            found = false_negative_mask(scores, column, delta=self.delta) & unknown & ~out
            rows.masked.append(float(found.sum() / max(1, int((~out).sum()))))
            out = out | found
        own = torch.zeros_like(out).scatter(1, column[:, None], value=True)
        return supervised_contrastive(
            scores, own.long(), ignored=out & ~own, temperature=self.temperature, weights={1: 1.0}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle(_Free):
    """Multi-class circle loss beside a share of stage 1's loss, which keeps the space whole: stage 2."""

    beside: Contrastive
    share: float = 0.2
    centres: Sequence[float] = CENTRES
    half_width: float = 0.1
    gamma: float = 128.0
    one_sided: bool = False

    def __call__(self, rows: Rows) -> Tensor:
        refined = circle(
            rows.scores,
            rows.levels,
            ignored=rows.ignored,
            centres=self.centres,
            half_width=self.half_width,
            gamma=self.gamma,
            one_sided=self.one_sided,
        )
        return refined + self.share * self.beside(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryCircle(_Free):
    """The plain circle loss of every pair of levels in the place of `Circle`: a control."""

    beside: Contrastive
    share: float = 0.2
    margin: float = 0.25
    gamma: float = 80.0

    def __call__(self, rows: Rows) -> Tensor:
        refined = binary_circle(rows.scores, rows.levels, ignored=rows.ignored, margin=self.margin, gamma=self.gamma)
        return refined + self.share * self.beside(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossQueriesOrder(_Free):
    """Bradley-Terry over the judged pairs of all queries of a batch, beside a share of stage 1's loss.

    One threshold must tell the levels of all queries apart, which an order within each query does not ask for.
    """

    beside: Contrastive
    share: float = 0.2
    strength: float = 5.0
    temperature: float = 0.1

    def __call__(self, rows: Rows) -> Tensor:
        across = AcrossQueries(partial(bradley_terry, temperature=self.temperature))
        return self.strength * across(rows.scores, rows.levels, ignored=rows.ignored) + self.share * self.beside(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsRatio(_Free):
    """`beside + beta * odds ratio` of one product per level: stage 2 of ROAR. `margin` is the margin-aware form's."""

    beside: InfoNce
    beta: float = 0.3
    temperature: float = 0.05
    margin: float = 0.0

    def __call__(self, rows: Rows) -> Tensor:
        levels, ignored = drawn_groups(rows.levels, ignored=rows.ignored, generator=rows.generator)
        aligned = odds_ratio(rows.scores, levels, ignored=ignored, temperature=self.temperature, margin=self.margin)
        return self.beside(rows) + self.beta * aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """`beside + beta * loss`, the loss another one that orders a group: what `OddsRatio` is compared with."""

    by: Literal["bradley-terry", "plackett-luce", "direct-preference"]
    beside: InfoNce
    beta: float = 0.3
    temperature: float = 0.05

    @property
    def needs_reference(self) -> bool:
        return self.by == "direct-preference"

    def __call__(self, rows: Rows) -> Tensor:
        scores, levels, ignored, t = rows.scores, rows.levels, rows.ignored, self.temperature
        if self.by == "bradley-terry":
            ordered = bradley_terry(scores, levels, ignored=ignored, temperature=t)
        elif self.by == "plackett-luce":
            ordered = plackett_luce(scores, levels, ignored=ignored, temperature=t)
        else:
            reference = scores.detach() if rows.reference is None else rows.reference
            ordered = direct_preference(scores, levels, reference=reference, ignored=ignored, temperature=t)
        return self.beside(rows) + self.beta * ordered
