"""Click logs as files and as values, for these tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.training.clicks import ClickLog

__all__ = ["click_log", "event", "jsonl", "rows_of", "simulated"]


def jsonl(path: Path, records: Sequence[dict[str, Any] | str]) -> Path:
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def event(search: str, action: str, product: str | int, ordinal: object = None, **more: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {"object": {"object_id": product}}
    if ordinal is not None:
        attributes["position"] = {"ordinal": ordinal}
    return {"query_id": search, "action_name": action, "event_attributes": attributes, **more}


def rows_of(log: ClickLog) -> dict[tuple[str, str, int], tuple[int, int, int, int]]:
    columns = (log.query, log.product, log.position, log.impressions, log.clicks, log.carts, log.purchases)
    return {
        (log.queries[q], log.products[p], position): tuple(counts)
        for q, p, position, *counts in zip(*(column.tolist() for column in columns), strict=True)
    }


def click_log(rows: Sequence[tuple[int, int, int, int, int]]) -> ClickLog:
    """A log of rows (query, product, position, impressions, clicks), in that order."""
    table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 5)
    query, product, position, impressions, clicks = table.T.copy()
    none = np.zeros(len(table), dtype=np.int64)
    return ClickLog(
        queries=tuple(f"q{i}" for i in range(int(query.max(initial=-1)) + 1)),
        texts=tuple(f"text {i}" for i in range(int(query.max(initial=-1)) + 1)),
        products=tuple(f"p{i}" for i in range(int(product.max(initial=-1)) + 1)),
        query=query,
        product=product,
        position=position,
        impressions=impressions,
        clicks=clicks,
        carts=none,
        purchases=none,
    )


def simulated(
    examination: Sequence[float], *, queries: int, searches: int, seed: int, swaps: bool = True, products: int = 8
) -> ClickLog:
    """Clicks by the position-based model; without `swaps` every product stays at one position."""
    generator = np.random.default_rng(seed)
    rows = []
    for query in range(queries):
        attraction = generator.beta(1.0, 3.0, size=products)
        shown = np.zeros((products, len(examination)), dtype=np.int64)
        for _ in range(searches if swaps else 1):
            order = generator.permutation(products)[: len(examination)]
            shown[order, np.arange(len(order))] += 1 if swaps else searches
        clicks = generator.binomial(shown, np.outer(attraction, examination))
        rows += [
            (query, product, at + 1, int(shown[product, at]), int(clicks[product, at]))
            for product, at in zip(*np.nonzero(shown), strict=True)
        ]
    return click_log([tuple(int(value) for value in row) for row in rows])
