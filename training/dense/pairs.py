"""Pairs to learn from, and the batches that mix their sources in fixed shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["Laps", "Mixture", "Pair", "known_answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A query's text and the id of a product that answers it."""

    query: str
    product: str


def known_answers(pairs: Iterable[Pair]) -> dict[str, frozenset[str]]:
    """The products that are known to answer each query, from all sources together."""
    found: dict[str, set[str]] = {}
    for pair in pairs:
        found.setdefault(pair.query, set()).add(pair.product)
    return {query: frozenset(products) for query, products in found.items()}


class Laps:
    """An endless course over `n` things, in an order drawn anew for each lap: a function of the seed and the place."""

    def __init__(self, n: int, *, seed: tuple[int, ...]) -> None:
        self._n, self._seed = n, seed
        self._drawn: tuple[int, NDArray[np.int64]] | None = None

    def at(self, place: int) -> tuple[int, int]:
        """The lap, and the number of the thing, at a place. A lap takes many steps: the last one drawn is kept."""
        lap, within = divmod(place, self._n)
        if self._drawn is None or self._drawn[0] != lap:
            self._drawn = (lap, np.random.default_rng((*self._seed, lap)).permutation(self._n))
        return lap, int(self._drawn[1][within])


class Mixture:
    """Batches of pairs in which every source has a fixed share, whatever its size.

    Batch `step` is a function of seed and step: a training that goes on in the middle sees what it would have seen.
    Each source is gone through in an order drawn anew for each round, so no pair comes twice before all came once.
    """

    def __init__(
        self, sources: Mapping[str, Sequence[Pair]], shares: Mapping[str, float], *, batch: int, seed: int
    ) -> None:
        """`shares` by source are brought to a sum of 1; every source with a share above 0 must hold a pair.

        Raises InvalidInput for a share of an unknown or empty source, and for a batch below 2.
        """
        wanted = {name: share for name, share in shares.items() if share > 0}
        empty = sorted(name for name in wanted if not sources.get(name))
        if empty or not wanted or any(share < 0 for share in shares.values()):
            raise InvalidInput(
                f"No pairs of source {', '.join(empty) or '(none)'}.",
                hint=f"Sources with pairs: {', '.join(sorted(n for n in sources if sources[n])) or 'none'}.",
                field="shares",
            )
        if batch < 2:
            raise InvalidInput(f"A batch needs 2 pairs or more, got {batch}.", field="batch")
        self._sources = {name: tuple(sources[name]) for name in sorted(wanted)}
        self._counts = _apportioned(wanted, batch)
        self._laps = {
            name: Laps(len(pairs), seed=(seed, number)) for number, (name, pairs) in enumerate(self._sources.items())
        }

    @property
    def counts(self) -> Mapping[str, int]:
        """How many pairs of each source a batch holds."""
        return self._counts

    def batch(self, step: int) -> list[Pair]:
        """The pairs of one step, source by source in the order of their names."""
        out: list[Pair] = []
        for name, pairs in self._sources.items():
            count = self._counts[name]
            out += [pairs[self._laps[name].at(at)[1]] for at in range(step * count, (step + 1) * count)]
        return out


def _apportioned(shares: Mapping[str, float], batch: int) -> dict[str, int]:
    """Whole numbers that sum to `batch` (largest remainders)."""
    total = sum(shares.values())
    exact = {name: batch * share / total for name, share in sorted(shares.items())}
    counts = {name: int(value) for name, value in exact.items()}
    by_rest = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in by_rest[: batch - sum(counts.values())]:
        counts[name] += 1
    return counts
