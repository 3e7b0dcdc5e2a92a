"""Adds up impressions, one at a time, in memory that grows with what is distinct and not with the log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirecall.training.clicks.log import MAX_POSITION, ClickLog
from multirecall.training.clicks.rejects import Rejects

__all__ = ["Tally"]

_CHUNK = 500_000  # impressions held before they are added up: some 60 MB as Python numbers
_COUNTS = 4


class Tally:
    """Impressions in, a ClickLog out.

    Memory: some 150 bytes per distinct query and product, 56 per distinct (query, product, position), and one chunk.
    """

    def __init__(self) -> None:
        self._queries: dict[str, int] = {}
        self._texts: list[str] = []
        self._products: dict[str, int] = {}
        self._rows: list[tuple[int, int, int, int, int, int]] = []
        self._of_file = _empty()
        self._total = _empty()

    def add(
        self, *, qid: str, text: str, product: str, position: int, clicked: bool, carted: bool, purchased: bool
    ) -> None:
        """One impression; a purchase implies a cart, a cart a click. Positions as the file counts them (0 or 1 first).

        `position` is at least 0; see end_file.
        """
        query = self._queries.setdefault(qid, len(self._queries))
        if query == len(self._texts):
            self._texts.append(text)
        carted = carted or purchased
        self._rows.append(
            (
                query,
                self._products.setdefault(product, len(self._products)),
                min(position, MAX_POSITION + 1),
                int(clicked or carted),
                int(carted),
                int(purchased),
            )
        )
        if len(self._rows) >= _CHUNK:
            self._fold()

    def end_file(self) -> None:
        """Ends a file (or what is counted alike): if it holds a position 0, all its positions are moved up by one."""
        self._fold()
        table = self._of_file
        if len(table):
            shift = 1 if int(table[:, 2].min()) == 0 else 0
            table = table.copy()
            table[:, 2] = np.minimum(table[:, 2] + shift, MAX_POSITION)
            self._total = _added_up(np.concatenate([self._total, table]))
        self._of_file = _empty()

    def log(self, *, lines: int, ignored: int, rejects: Rejects) -> ClickLog:
        """What was counted, of all files that were ended."""
        query, product, position, impressions, clicks, carts, purchases = self._total.T.copy()
        return ClickLog(
            queries=tuple(self._queries),
            texts=tuple(self._texts),
            products=tuple(self._products),
            query=query,
            product=product,
            position=position,
            impressions=impressions,
            clicks=clicks,
            carts=carts,
            purchases=purchases,
            lines=lines,
            rejected=rejects.count,
            ignored=ignored,
            first_rejected=tuple(rejects.first),
        )

    def _fold(self) -> None:
        if self._rows:
            rows = np.array(self._rows, dtype=np.int64)
            counted = np.insert(rows, 3, 1, axis=1)  # each row is one impression
            self._of_file = _added_up(np.concatenate([self._of_file, counted]))
            self._rows.clear()


def _empty() -> NDArray[np.int64]:
    return np.empty((0, 3 + _COUNTS), dtype=np.int64)


def _added_up(table: NDArray[np.int64]) -> NDArray[np.int64]:
    """One row per (query, product, position), in that order, with the sums of the counts."""
    order = np.lexsort((table[:, 2], table[:, 1], table[:, 0]))
    ordered = table[order]
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = (ordered[1:, :3] != ordered[:-1, :3]).any(axis=1)
    starts = np.flatnonzero(new)
    out = ordered[starts]
    out[:, 3:] = np.add.reduceat(ordered[:, 3:], starts, axis=0)
    return out
