"""How many products of the catalogue hold a term: learned once with the model, stored beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["MAX_TERMS", "TermStatistics"]

MAX_TERMS = 200_000
"""The rarest terms beyond so many are forgotten; a term that is not known counts as one that no product holds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermStatistics:
    """`holding[term]` of `n_products` products hold the term in some text field."""

    n_products: int
    holding: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.n_products < 0 or any(not 0 < count <= self.n_products for count in self.holding.values()):
            raise InvalidInput("Each term must be held by 1 to all products.", field="holding")

    @classmethod
    def of(cls, n_products: int, counts: Mapping[str, int]) -> TermStatistics:
        """Those of the `MAX_TERMS` most frequent terms that two products or more hold; ties by the term."""
        kept = sorted(((-n, term) for term, n in counts.items() if n > 1))[:MAX_TERMS]
        return cls(n_products=n_products, holding={term: -negative for negative, term in kept})

    def idf(self, terms: Sequence[str]) -> NDArray[np.float64]:
        """`ln(1 + (N - df + 0.5) / (df + 0.5))` of each term, as in `engines/scoring.py`. Shape (len(terms),)."""
        counts = [self.holding.get(term, 0) for term in terms]  # of a query few: by numpy they would take longer
        return np.array([math.log1p((self.n_products - n + 0.5) / (n + 0.5)) for n in counts], dtype=np.float64)

    def knows(self, terms: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each term is known. Shape (len(terms),)."""
        return np.array([term in self.holding for term in terms], dtype=np.bool_)

    def to_dict(self) -> dict[str, object]:
        return {"n_products": self.n_products, "holding": dict(self.holding)}

    @classmethod
    def from_dict(cls, body: Mapping[str, object]) -> TermStatistics:
        """Raises InvalidInput for a body that `to_dict` did not write."""
        n_products, holding = body.get("n_products"), body.get("holding")
        if not isinstance(n_products, int) or not isinstance(holding, Mapping):
            raise InvalidInput("The term statistics need n_products and holding.", field="terms")
        return cls(n_products=n_products, holding={str(term): int(n) for term, n in holding.items()})
