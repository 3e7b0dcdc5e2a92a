"""`ClickLog`: what a click log says, counted per query, product and position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.training.clicks.rejects import Rejected
from multirecall.training.clicks.sums import sums_by

__all__ = ["MAX_POSITION", "ClickLog", "Pairs"]

MAX_POSITION = 50
"""Impressions further down count as of this position: too few clicks reach there for an estimate of their own."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The (query, product) pairs of a log, numbered from 0. `of_row`: the pair of each row of the log."""

    of_row: NDArray[np.int64]
    query: NDArray[np.int64]
    product: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickLog:
    """One row per query, product and position, in that order; the counts are all that the estimates need.

    `query` and `product` number into `queries` (their ids, as in the judgments) and `products`; `texts` are the
    queries as typed; `position` starts at 1. A search that ended in a purchase counts as carted and clicked too, so
    `impressions >= clicks >= carts >= purchases` in each row. All arrays have shape (rows,), int64.

    `lines` were read, `rejected` of them could not be used, `ignored` are events of other kinds. `first_rejected`
    are the first twenty of them, with their reasons.
    """

    queries: Sequence[str]
    texts: Sequence[str]
    products: Sequence[str]
    query: NDArray[np.int64]
    product: NDArray[np.int64]
    position: NDArray[np.int64]
    impressions: Counts
    clicks: Counts
    carts: Counts
    purchases: Counts
    lines: int = 0
    rejected: int = 0
    ignored: int = 0
    first_rejected: tuple[Rejected, ...] = field(default=())

    def __post_init__(self) -> None:
        rows = len(self.query)
        for name in ("product", "position", "impressions", "clicks", "carts", "purchases"):
            if len(getattr(self, name)) != rows:
                raise InvalidInput(f"{name} has {len(getattr(self, name))} rows, query {rows}.", field=name)
        ordered = (self.impressions >= self.clicks) & (self.clicks >= self.carts) & (self.carts >= self.purchases)
        if not ordered.all() or (self.purchases < 0).any():
            at = int(np.argmin(ordered))
            raise InvalidInput(
                f"Row {at} counts more of a later step than of an earlier one.",
                hint="impressions >= clicks >= carts >= purchases >= 0 must hold.",
                field="clicks",
            )
        if rows and int(self.position.min()) < 1:
            raise InvalidInput("A position is below 1.", field="position")

    def __len__(self) -> int:
        return len(self.query)

    @property
    def positions(self) -> int:
        """The deepest position; 0 for an empty log."""
        return int(self.position.max()) if len(self) else 0

    def pairs(self) -> Pairs:
        """The distinct (query, product) pairs, by query, then product."""
        key = self.query * max(1, len(self.products)) + self.product
        keys, of_row = np.unique(key, return_inverse=True)
        query, product = np.divmod(keys, max(1, len(self.products)))
        return Pairs(of_row=of_row.reshape(-1), query=query, product=product)

    def by_position(self, counts: Counts) -> NDArray[np.float64]:
        """The sum of a count per position. Shape (positions,), the first entry is position 1."""
        return sums_by(self.position - 1, counts, self.positions)
