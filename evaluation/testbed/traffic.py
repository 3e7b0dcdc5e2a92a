"""How often each query is asked: Zipf's law over the queries, broad ones first, and the tiers that follow."""

from __future__ import annotations

from dataclasses import replace

from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.queries import TestQuery

__all__ = ["TIERS", "tier_of", "with_traffic"]

TIERS = ("head", "torso", "tail", "once")
_SEARCHES_PER_QUERY = 1.5  # the query of rank r is asked floor(1.5 n / r) times, so the last quarter is asked once
_DEMAND = {
    "head": 40.0,
    "torso": 4.0,
    "synonym": 2.0,
    "model": 1.5,
    "attribute_unit": 1.2,
    "misspelled": 1.2,
    "foreign": 0.8,
    "tail": 0.7,
    "knowledge": 0.5,
}


def tier_of(frequency: int) -> str:
    """The tier of a query by the number of times it is asked: 6 and more, 3 to 5, twice, once."""
    return "head" if frequency >= 6 else "torso" if frequency >= 3 else "tail" if frequency == 2 else "once"


def with_traffic(queries: list[TestQuery], *, seed: int) -> list[TestQuery]:
    """The queries, in the same order, with frequency and tier.

    The rank follows demand by class over a uniform draw, so broad queries tend to be asked most and each tier holds
    about a quarter of the queries of mixed classes.
    """
    dice = Dice(seed, "traffic")
    demand = [_DEMAND[query.cls] / (0.02 + dice.below(1 << 20) / (1 << 20)) for query in queries]
    order = sorted(range(len(queries)), key=lambda i: (-demand[i], i))
    out = list(queries)
    for rank, i in enumerate(order, start=1):
        frequency = max(1, int(_SEARCHES_PER_QUERY * len(queries) / rank))
        out[i] = replace(queries[i], frequency=frequency, tier=tier_of(frequency))
    return out
