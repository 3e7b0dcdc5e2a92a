"""Labels that shoppers contradict: pairs to be looked at again (sheet 4, section 2.0).

What is labelled irrelevant and clicked as only the best of its place on the page are, or labelled best and clicked as
only the worst are, is more often a wrong label than a strange crowd. The rule only points; somebody surer decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.encoders.storing import write_atomically
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.table import query_key
from multirecall.training.graded.groups import GradedGroup

__all__ = ["AuditRule", "Flag", "audit", "write_flags"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRule:
    """A label of 0 is doubted above the `high` quantile of its band's rates, with `least_shown` impressions there or
    more; one of the top level below the `low` quantile, with `least_shown_top`. `bands` are the first positions of each
    band; `strength` is how many impressions of its band's mean rate each pair is given (smoothing). A band with less
    than `least_pairs` pairs of so many impressions says nothing."""

    high: float = 0.90
    low: float = 0.05
    least_shown: int = 20
    least_shown_top: int = 50
    least_pairs: int = 20
    bands: tuple[int, ...] = (1, 2, 4, 7, 11, 21)
    strength: float = 10.0

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.bands, self.bands[1:], strict=False))
        if not (0.0 <= self.low < self.high <= 1.0) or not self.bands or self.bands[0] != 1 or not rising:
            raise InvalidInput("An audit needs low < high between 0 and 1, and bands that rise from 1.", field="rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A pair whose label clicks contradict, in the band where they do so most. `rate` is smoothed; `bound` is the
    quantile of the band that it lies beyond."""

    query: str
    product: str
    level: int
    positions: str
    impressions: int
    clicks: int
    rate: float
    bound: float

    @property
    def reason(self) -> str:
        """In words."""
        beyond = "above" if self.rate > self.bound else "below"
        return (
            f"level {self.level}, but {self.clicks} clicks in {self.impressions} impressions at {self.positions}: "
            f"{self.rate:.3f}, {beyond} the {self.bound:.3f} of its place"
        )


def audit(groups: Iterable[GradedGroup], log: ClickLog, *, top: int, rule: AuditRule | None = None) -> list[Flag]:
    """The pairs to label again, the furthest from their bound first; one flag for a pair.

    `top` is the best level of the scale. Queries are matched by their text, case and spaces aside. The bounds are of
    all pairs of the log, labelled or not.
    """
    rule = rule or AuditRule()
    levels = {
        (query_key(group.query), product): level
        for group in groups
        for product, level in zip(group.products, group.grades, strict=True)
    }
    texts = [query_key(text) for text in log.texts]
    flags: dict[tuple[str, str], Flag] = {}
    for positions, query, product, shown, clicks, rates in _by_band(log, rule):
        high = _quantile(rates[shown >= rule.least_shown], rule.high, rule)
        low = _quantile(rates[shown >= rule.least_shown_top], rule.low, rule)
        columns = (query.tolist(), product.tolist(), shown.tolist(), clicks.tolist(), rates.tolist())
        for q, p, n, clicked, rate in zip(*columns, strict=True):
            pair = (texts[q], log.products[p])
            level = levels.get(pair)
            doubted = (
                high
                if level == 0 and n >= rule.least_shown and rate > high
                else low
                if level == top and n >= rule.least_shown_top and rate < low
                else None
            )
            if level is None or doubted is None:
                continue
            flag = Flag(
                query=log.texts[q],
                product=pair[1],
                level=level,
                positions=positions,
                impressions=n,
                clicks=clicked,
                rate=rate,
                bound=doubted,
            )
            if pair not in flags or _distance(flag) > _distance(flags[pair]):
                flags[pair] = flag
    return sorted(flags.values(), key=lambda flag: (-_distance(flag), flag.query, flag.product))


def write_flags(flags: Sequence[Flag], groups: Iterable[GradedGroup], file: Path) -> None:
    """A table to grade again: qid, product_id, grade (empty), the level it has, why it is doubted, query.

    `multirecall pool` writes such tables; filled in, `read_judgments` reads it. Raises OSError.
    """
    qids = {query_key(group.query): group.qid for group in groups}
    lines = ["qid\tproduct_id\tgrade\twas\twhy\tquery\n"]
    for flag in flags:
        cells = (qids[query_key(flag.query)], flag.product, "", str(flag.level), flag.reason, flag.query)
        lines.append("\t".join(" ".join(cell.split()) for cell in cells) + "\n")
    write_atomically(file, "".join(lines).encode("utf-8", "replace"))


def _by_band(log: ClickLog, rule: AuditRule) -> Iterable[tuple[str, Integers, Integers, Integers, Integers, Floats]]:
    """Of each band: its name, and per pair shown there the query, product, impressions, clicks and smoothed rate."""
    band_of = np.searchsorted(np.array(rule.bands), log.position, side="right") - 1
    for band, first in enumerate(rule.bands):
        rows = band_of == band
        if not rows.any():
            continue
        key = log.query[rows] * max(1, len(log.products)) + log.product[rows]
        keys, pair = np.unique(key, return_inverse=True)
        shown = np.bincount(pair, weights=log.impressions[rows]).astype(np.int64)
        clicks = np.bincount(pair, weights=log.clicks[rows]).astype(np.int64)
        mean = clicks.sum() / max(1, shown.sum())
        rates = (clicks + rule.strength * mean) / (shown + rule.strength)
        query, product = np.divmod(keys, max(1, len(log.products)))
        yield _named(rule.bands, band, first), query, product, shown, clicks, rates


def _named(bands: Sequence[int], band: int, first: int) -> str:
    if band == len(bands) - 1:
        return f"positions {first} and below"
    last = bands[band + 1] - 1
    return f"position {first}" if last == first else f"positions {first} to {last}"


def _quantile(rates: Floats, q: float, rule: AuditRule) -> float:
    """NaN, beyond which nothing lies, if there are too few rates."""
    return float(np.quantile(rates, q)) if len(rates) >= rule.least_pairs else float("nan")


def _distance(flag: Flag) -> float:
    return abs(flag.rate - flag.bound)
