"""How likely each position is looked at: estimated from the log, with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.training.clicks.harvesting import harvest
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.position_model import position_model

__all__ = ["MIN_CLICKS", "Method", "Propensities", "estimate_propensities"]

Method = Literal["harvesting", "position-model", "none"]

MIN_CLICKS = 30
"""A position is estimated if so many clicks speak of it; those further down take the value of the last such one."""

MODEL_ROWS = 300_000
MODEL_ROUNDS = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Propensities:
    """`examination[k - 1]`: the chance that position k is looked at, relative to the first, which is 1.

    `standard_errors` are from a bootstrap over queries (0 for the first). `reach`: the last position that was
    estimated; deeper ones share its value. `support`: the clicks that the method could use, per position. `reason` says
    why the method was taken.
    """

    method: Method
    reason: str
    examination: tuple[float, ...]
    standard_errors: tuple[float, ...]
    support: tuple[int, ...]
    reach: int

    @property
    def biased(self) -> bool:
        """Whether any position differs from 1 by more than 3.5 standard errors.

        With ten positions, about one log without bias in two hundred does.
        """
        pairs = zip(self.examination, self.standard_errors, strict=True)
        return any(error > 0.0 and abs(value - 1.0) > 3.5 * error for value, error in pairs)

    def at(self, position: NDArray[np.int64]) -> Floats:
        """The examination of each of these positions (from 1); deeper ones than any known take the last. Same shape."""
        table = np.array(self.examination)
        taken: Floats = table[np.minimum(position, len(table)) - 1]
        return taken


def estimate_propensities(
    log: ClickLog, *, method: Method | None = None, rounds: int = 50, seed: int = 7
) -> Propensities:
    """The examination of each position of the log.

    Without a `method`: intervention harvesting if each of the positions 1 and 2 had MIN_CLICKS clicks or more on
    products that stood elsewhere too for the same query (it does not mistake good ranking for attention); else the
    position-based model; "none", all 1, if a log has fewer than MIN_CLICKS clicks or one position only.

    `rounds` bootstrap samples of the queries by `seed` give the standard errors; 0 leaves them 0. Harvesting takes
    milliseconds for each; the model takes seconds, and so at most MODEL_ROUNDS of them, and of a log with more than
    MODEL_ROWS rows a sample of the queries. Raises InvalidInput for a log
    without rows and for negative rounds.
    """
    if not len(log):
        raise InvalidInput("The click log is empty.", field="log")
    if rounds < 0:
        raise InvalidInput(f"rounds must be 0 or more, got {rounds}.", field="rounds")
    pairs, positions = log.pairs(), log.positions
    harvested = harvest(log, pairs)
    support = harvested.support
    chosen, reason = _choice(log, support) if method is None else (method, "it was asked for")
    estimate: Callable[[Floats, Floats | None], Floats]
    if chosen == "none":
        support = log.by_position(log.clicks)
        return Propensities(
            method=chosen,
            reason=reason,
            examination=(1.0,) * positions,
            standard_errors=(0.0,) * positions,
            support=_whole(support),
            reach=1,
        )
    if chosen == "harvesting":

        def estimate(weights: Floats, start: Floats | None) -> Floats:
            return harvested.examination(weights)
    else:
        support = log.by_position(log.clicks)

        def estimate(weights: Floats, start: Floats | None) -> Floats:
            return position_model(log, pairs, weights, start)

    reach = _reach(support)
    generator, n = np.random.default_rng(seed), len(log.queries)
    asked = np.ones(n)
    if chosen == "position-model":
        rounds = min(rounds, MODEL_ROUNDS)
        if len(log) > MODEL_ROWS:
            asked = (generator.random(n) < MODEL_ROWS / len(log)).astype(np.float64)
    theta = _held(estimate(asked, None), reach)
    samples = [
        _held(estimate(asked * generator.multinomial(n, np.full(n, 1.0 / n)), theta), reach) for _ in range(rounds)
    ]
    errors = np.std(samples, axis=0, ddof=1) if rounds > 1 else np.zeros(positions)
    return Propensities(
        method=chosen,
        reason=reason,
        examination=tuple(theta.tolist()),
        standard_errors=tuple(errors.tolist()),
        support=_whole(support),
        reach=reach,
    )


def _choice(log: ClickLog, support: Floats) -> tuple[Method, str]:
    clicks = int(log.clicks.sum())
    if log.positions < 2:
        return "none", "the log has one position"
    if clicks < MIN_CLICKS:
        return "none", f"the log has {clicks} clicks, fewer than {MIN_CLICKS}"
    moved = int(support[:2].min())
    if moved >= MIN_CLICKS:
        return "harvesting", f"at each of the positions 1 and 2, products that moved have {moved} clicks or more"
    return "position-model", f"at position 1 or 2, products that moved have {moved} clicks, fewer than {MIN_CLICKS}"


def _reach(support: Floats) -> int:
    """The last position before the first one that too few clicks speak of."""
    weak = np.flatnonzero(support < MIN_CLICKS)
    return max(1, int(weak[0]) if len(weak) else len(support))


def _held(theta: Floats, reach: int) -> Floats:
    held = theta.copy()
    held[reach:] = held[reach - 1]
    return held


def _whole(support: Floats) -> tuple[int, ...]:
    return tuple(int(value) for value in support)
