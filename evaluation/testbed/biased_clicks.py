"""A click log with position bias, of which everything is known: for work on judgments from clicks.

The log of `clicks.py` has no position bias. Here a shopper looks at position k with probability k^-severity, whatever
stands there, and P(click) = examination x attraction, the position-based model (Richardson, Dominowska and Ragno,
WWW 2007). The system that made the pages is what makes such logs treacherous: it leans to better grades a little, to
a trait of its own that has nothing to do with relevance more, and it varies from search to search, as shops do through
stock, tests and freshness.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.evaluation.testbed.clicks import CLICK_RATES, PAGE
from multirecall.evaluation.testbed.draws import draws, unit

__all__ = ["BIASED_CLICKS", "BIASED_HEADER", "BiasedClicks", "old_trait", "write_biased_clicks"]

BIASED_CLICKS = "biased-clicks.tsv.gz"
BIASED_HEADER = ("query_id", "qid", "query", "product_id", "position", "click", "cart", "purchase")
CART_RATES = {3: 0.30, 2: 0.12, 1: 0.05, 0: 0.02}
"""P(cart | click) by grade."""
PURCHASE_RATES = {3: 0.60, 2: 0.40, 1: 0.20, 0: 0.10}
"""P(purchase | cart) by grade."""

_POOL = {3: 12, 2: 8, 1: 6, 0: 6}  # how many products of a grade can be shown for one query
_SEARCHES = 3.0  # times queries / rank, at least 2: the traffic of a query
_LEAN, _TRAIT, _JITTER = 0.3, 1.0, 0.6  # what the page's order is made of: grade / 3, trait, luck of this search


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasedClicks:
    """What was written; `examination[k - 1]` is the true chance that position k is looked at."""

    path: Path
    seed: int
    severity: float
    examination: tuple[float, ...]
    searches: int
    impressions: int
    clicks: int
    carts: int
    purchases: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """JSON values, without the path."""
        names = [name for name in self.__slots__ if name != "path"]
        return {"generated": True, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Searches:
    """All searches of one query. Shapes (searches, positions)."""

    shown: NDArray[np.int64]
    clicked: NDArray[np.bool_]
    carted: NDArray[np.bool_]
    purchased: NDArray[np.bool_]


def write_biased_clicks(
    bed: Path, *, severity: float = 1.0, traffic: float = 10.0, seed: int = 7, out: Path | None = None
) -> BiasedClicks:
    """Writes a log over the judged products of a generated test bed to `out` (default: BIASED_CLICKS in `bed`).

    The query of rank r (in file order) is searched `max(2, 3 x traffic x queries / (10 r))` times; knowledge queries,
    which nobody clicks, are left out. `severity` 0 is a log without position bias. The truth is written beside it, as
    JSON of the same name. The same files and arguments give the same bytes.

    Raises InvalidInput for a negative severity or traffic, InvalidSource if the bed's files cannot be read.
    """
    if not severity >= 0.0:
        raise InvalidInput(f"severity must be 0 or more, got {severity}.", field="severity")
    if not 0.0 < traffic <= 10_000.0:
        raise InvalidInput(f"traffic must be above 0 and at most 10,000, got {traffic}.", field="traffic")
    path = bed / BIASED_CLICKS if out is None else out
    judgments = read_judgments(bed / "judgments.tsv")
    queries = [q for q in read_queries(bed / "queries.tsv") if q.columns.get("class") != "knowledge"]
    examination = np.arange(1, PAGE + 1, dtype=np.float64) ** -severity
    digest, counts, serial = sha256(), np.zeros(4, dtype=np.int64), 0
    with path.open("wb") as sink, gzip.GzipFile("", "wb", compresslevel=6, fileobj=sink, mtime=0) as packed:

        def write(text: str) -> None:
            digest.update(text.encode())
            packed.write(text.encode())

        write("\t".join(BIASED_HEADER) + "\n")
        for rank, query in enumerate(queries, start=1):
            graded = sorted(judgments.of(query.qid).items())
            products, grades = _pool([(name, int(grade)) for name, grade in graded], seed, query.qid)
            n = max(2, int(_SEARCHES * traffic * len(queries) / (10.0 * rank)))
            searches = _searched(query.qid, products, grades, n, examination, seed)
            marks = (searches.clicked, searches.carted, searches.purchased)
            counts += [searches.shown.size, *(int(mark.sum()) for mark in marks)]
            for lines in _lines(query, products, searches, serial):
                write(lines)
            serial += n
    report = BiasedClicks(
        path=path,
        seed=seed,
        severity=severity,
        examination=tuple(examination.tolist()),
        searches=serial,
        impressions=int(counts[0]),
        clicks=int(counts[1]),
        carts=int(counts[2]),
        purchases=int(counts[3]),
        sha256=digest.hexdigest(),
    )
    beside = path.with_name(path.name.split(".")[0] + ".json")
    beside.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    return report


def old_trait(seed: int, qid: str, products: Sequence[str]) -> NDArray[np.float64]:
    """What the old system likes about each product for this query, from 0 to 1; it says nothing about relevance."""
    ordinals = np.array([int(name[1:]) for name in products], dtype=np.int64)
    return unit(draws(seed, f"biased trait/{qid}", ordinals))


def _pool(graded: list[tuple[str, int]], seed: int, qid: str) -> tuple[list[str], NDArray[np.int64]]:
    names: list[str] = []
    grades: list[int] = []
    for grade, most in _POOL.items():
        listed = [name for name, of in graded if of == grade]
        keys = draws(seed, f"biased pool/{qid}/{grade}", np.arange(len(listed), dtype=np.int64))
        chosen = [listed[at] for at in np.argsort(keys, kind="stable")[:most].tolist()]
        names += chosen
        grades += [grade] * len(chosen)
    return names, np.array(grades, dtype=np.int64)


def _searched(
    qid: str, products: list[str], grades: NDArray[np.int64], n: int, examination: NDArray[np.float64], seed: int
) -> _Searches:
    ordinals = np.array([int(name[1:]) for name in products], dtype=np.int64)
    trait = old_trait(seed, qid, products)
    luck = unit(draws(seed, f"biased luck/{qid}", np.arange(n * len(products), dtype=np.int64)))
    score = _LEAN * grades / 3.0 + _TRAIT * trait + _JITTER * luck.reshape(n, len(products))
    shown = np.argsort(-score, axis=1, kind="stable")[:, :PAGE]
    appeal = 0.5 + unit(draws(seed, "biased appeal", ordinals))  # 1 on average: products of a grade differ
    rate = np.array([CLICK_RATES[g] for g in range(4)])[grades] * appeal

    def happens(name: str, chance: NDArray[np.float64]) -> NDArray[np.bool_]:
        words = draws(seed, f"biased {name}/{qid}", np.arange(shown.size, dtype=np.int64))
        drawn: NDArray[np.bool_] = unit(words).reshape(shown.shape) < chance
        return drawn

    clicked = happens("click", examination[: shown.shape[1]] * rate[shown])
    carted = clicked & happens("cart", np.array([CART_RATES[g] for g in range(4)])[grades][shown])
    purchased = carted & happens("purchase", np.array([PURCHASE_RATES[g] for g in range(4)])[grades][shown])
    return _Searches(shown=shown, clicked=clicked, carted=carted, purchased=purchased)


def _lines(query: JudgedQuery, products: list[str], searches: _Searches, serial: int) -> Iterator[str]:
    columns = (searches.shown, searches.clicked, searches.carted, searches.purchased)
    for number, rows in enumerate(zip(*(column.tolist() for column in columns), strict=True), start=serial):
        head = f"b{number:07d}\t{query.qid}\t{query.text}\t"
        yield "".join(
            f"{head}{products[at]}\t{position}\t{int(click)}\t{int(cart)}\t{int(purchase)}\n"
            for position, (at, click, cart, purchase) in enumerate(zip(*rows, strict=True), start=1)
        )
