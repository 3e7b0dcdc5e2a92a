"""The click log: searches with the ten products shown and which of them were clicked.

A search of a query shows ten of its judged products, better grades tending to stand higher, as a fair shop search
would. P(click) = rate of the grade x (0.5 + popularity percentile); the factor is 1 on average. Knowledge queries
show mostly wrong products and get no click, as in the logs of real shops.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.testbed.draws import below, draws, unit
from multirecall.evaluation.testbed.judgments import Judged
from multirecall.evaluation.testbed.population import Population
from multirecall.evaluation.testbed.queries import TestQuery
from multirecall.evaluation.testbed.rows import product_id

__all__ = ["CLICK_HEADER", "CLICK_RATES", "ClickLog"]

CLICK_RATES = {3: 0.35, 2: 0.12, 1: 0.03, 0: 0.005}
CLICK_HEADER = ("timestamp", "query_id", "qid", "query", "product_id", "position", "click")
PAGE = 10
_POOL = {3: 40, 2: 20, 1: 10, 0: 10}  # how many products of a grade can be shown for one query
_LEAN = {3: 1.0, 2: 0.75, 1: 0.55, 0: 0.45}
_LEAN_UNKNOWING = {3: 0.35, 2: 0.4, 1: 0.6, 0: 1.0}
_DAYS = 28
_START = datetime(2026, 6, 1, tzinfo=UTC)


class ClickLog:
    """Collects the searches of all queries as arrays, then gives them in the order of time.

    Memory: about 60 bytes per search.
    """

    def __init__(self, population: Population, queries: list[TestQuery]) -> None:
        self._population = population
        self._queries = queries
        self._pages: list[NDArray[np.int32]] = []
        self._clicks: list[NDArray[np.bool_]] = []
        self._minutes: list[NDArray[np.int64]] = []
        self._asked: list[NDArray[np.int32]] = []
        self.impressions = {grade: 0 for grade in CLICK_RATES}
        self.clicks = {grade: 0 for grade in CLICK_RATES}
        self.rows = 0

    def add(self, number: int, judged: Judged) -> None:
        """Draws all searches of query `number` from its judgments."""
        query, seed = self._queries[number], self._population.seed
        knowledge = query.cls == "knowledge"
        products, grades = _pool(seed, number, judged)
        if not len(products):
            return
        lean = _LEAN_UNKNOWING if knowledge else _LEAN
        weight = np.array([lean[g] for g in (0, 1, 2, 3)])[grades]
        rate = np.array([CLICK_RATES[g] for g in (0, 1, 2, 3)])[grades]
        chance = np.minimum(1.0, rate * (0.5 + self._population.popularity(products)))
        n, f = len(products), query.frequency
        cells = np.arange(f * n, dtype=np.int64)
        key = unit(draws(seed, f"shown/{number}", cells)).reshape(f, n) * weight
        order = np.argsort(-key, axis=1, kind="stable")[:, :PAGE]
        cells = np.arange(order.size, dtype=np.int64)
        luck = unit(draws(seed, f"click/{number}", cells)).reshape(order.shape)
        clicked = (luck < chance[order]) & (not knowledge)
        for grade in CLICK_RATES:
            shown = grades[order] == grade
            self.impressions[grade] += 0 if knowledge else int(shown.sum())
            self.clicks[grade] += int((shown & clicked).sum())
        self.rows += order.size
        pages = np.full((f, PAGE), -1, dtype=np.int32)
        pages[:, : order.shape[1]] = products[order]
        marks = np.zeros((f, PAGE), dtype=np.bool_)
        marks[:, : order.shape[1]] = clicked
        self._pages.append(pages)
        self._clicks.append(marks)
        self._minutes.append(below(draws(seed, f"time/{number}", np.arange(f, dtype=np.int64)), _DAYS * 24 * 60))
        self._asked.append(np.full(f, number, dtype=np.int32))

    def searches(self) -> Iterator[str]:
        """The log in the order of time: per search its lines, one impression each (see CLICK_HEADER)."""
        if not self._pages:
            return
        pages, clicks = np.concatenate(self._pages), np.concatenate(self._clicks)
        asked, minutes = np.concatenate(self._asked), np.concatenate(self._minutes)
        for serial, at in enumerate(np.argsort(minutes, kind="stable").tolist()):
            query = self._queries[asked[at]]
            time = (_START + timedelta(minutes=int(minutes[at]))).strftime("%Y-%m-%dT%H:%M:%SZ")
            head = f"{time}\ts{serial:07d}\t{query.qid}\t{query.text}\t"
            shown = zip(pages[at].tolist(), clicks[at].tolist(), strict=True)
            yield "".join(
                f"{head}{product_id(product)}\t{position}\t{int(click)}\n"
                for position, (product, click) in enumerate(shown, start=1)
                if product >= 0
            )


def _pool(seed: int, number: int, judged: Judged) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    products, grades = [], []
    for grade, most in _POOL.items():
        listed = judged.listed[grade]
        keys = draws(seed, f"pool/{number}", listed)
        chosen = listed[np.argsort(keys, kind="stable")[:most]]
        products.append(chosen)
        grades.append(np.full(len(chosen), grade, dtype=np.int64))
    return np.concatenate(products), np.concatenate(grades)
