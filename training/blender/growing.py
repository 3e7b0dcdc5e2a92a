"""How a blender's trees are grown: the settings, without what it takes to grow them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from multirecall.core.errors import InvalidInput

__all__ = ["Growing"]

_MOST_LEAVES = 64  # `fusion/trees.py` has a bit for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """How the trees are grown. The defaults were found by cross-validation on the Icecat development queries.

    `unjudged_weight`: a candidate without a judgment counts as irrelevant with this weight; 0 leaves such rows out.
    Without them the model never sees what it must reject and loses to the untrained fusion (docs/results/blender.md);
    with less than the weight of a judged one it believes in deep candidates more than it should.
    `rounds`: the most trees. From 150 on the curve is flat, and each tree costs time in every search.
    `monotone`: features keep the direction that they are meant to have.
    `dropout`: each query is repeated once per route with that route left out, and once without its rewritings, with
    this weight; 0 leaves it.
    """

    rounds: int = 200
    patience: int = 60
    learning_rate: float = 0.05
    leaves: int = 15
    least_rows: int = 50
    feature_share: float = 0.5
    row_share: float = 0.8
    l2: float = 5.0
    truncation: int = 20
    unjudged_weight: float = 1.0
    monotone: bool = False
    dropout: float = 0.3
    held_out_share: float = 0.2
    seed: int = 7

    def __post_init__(self) -> None:
        for name in ("rounds", "patience", "leaves", "least_rows", "truncation"):
            if getattr(self, name) < 1 or (name == "leaves" and self.leaves < 2):
                raise InvalidInput(f"{name} is too small: {getattr(self, name)}.", field=name)
        if self.leaves > _MOST_LEAVES:
            raise InvalidInput(f"leaves must be {_MOST_LEAVES} or less, got {self.leaves}.", field="leaves")
        for name in ("feature_share", "row_share", "held_out_share"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise InvalidInput(f"{name} is a share above 0, at most 1; got {getattr(self, name)}.", field=name)
        for name in ("learning_rate", "l2", "unjudged_weight", "dropout"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise InvalidInput(f"{name} must be 0 or more, got {getattr(self, name)}.", field=name)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
