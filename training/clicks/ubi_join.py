"""Brings UBI's events to the search they belong to, in a temporary file, so that memory does not grow with the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal, NamedTuple

from multirecall.training.clicks.rejects import Rejected, Rejects
from multirecall.training.clicks.table import query_key
from multirecall.training.clicks.tally import Tally

__all__ = ["Action", "UbiJoin"]

Action = Literal["impression", "click", "cart", "purchase"]

_BATCH = 20_000
_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -65536;
    CREATE TABLE search (id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE shown (
        search TEXT NOT NULL, product TEXT NOT NULL, listed INTEGER, ordinal INTEGER, at_click INTEGER,
        impression INTEGER NOT NULL, click INTEGER NOT NULL, cart INTEGER NOT NULL, purchase INTEGER NOT NULL,
        PRIMARY KEY (search, product)
    ) WITHOUT ROWID;
"""
_ADD_SEARCH = """
    INSERT INTO search VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET text = excluded.text WHERE text = ''
"""
_ADD_SHOWN = """
    INSERT INTO shown VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (search, product) DO UPDATE SET
        listed = COALESCE(MIN(listed, excluded.listed), listed, excluded.listed),
        ordinal = COALESCE(MIN(ordinal, excluded.ordinal), ordinal, excluded.ordinal),
        at_click = COALESCE(MIN(at_click, excluded.at_click), at_click, excluded.at_click),
        impression = MAX(impression, excluded.impression), click = MAX(click, excluded.click),
        cart = MAX(cart, excluded.cart), purchase = MAX(purchase, excluded.purchase)
"""
_JOINED = """
    SELECT shown.search, COALESCE(search.text, ''), product, listed, ordinal, at_click,
        impression, click, cart, purchase
    FROM shown LEFT JOIN search ON search.id = shown.search ORDER BY shown.search, product
"""


class _Shown(NamedTuple):
    search: str
    text: str
    product: str
    listed: int | None
    ordinal: int | None
    at_click: int | None
    impression: int
    click: int
    cart: int
    purchase: int


class UbiJoin:
    """Queries and events in, in any order; impressions with their outcome out.

    Needs room for a temporary file about as large as the unpacked log, and 64 MB of memory. A context manager; not for
    several threads.
    """

    def __init__(self) -> None:
        self._searches: list[tuple[str, str]] = []
        self._shown: list[tuple[str, str, int | None, int | None, int | None, int, int, int, int]] = []

    def __enter__(self) -> UbiJoin:
        self._folder = TemporaryDirectory(prefix="multirecall-clicks-")
        self._base = sqlite3.connect(Path(self._folder.name) / "join.sqlite", isolation_level=None)
        self._base.executescript(_TABLES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()
        self._folder.cleanup()

    def add_query(self, search: str, text: str, listed: Sequence[str]) -> None:
        """A query record: its text and the products of its answer, in their order (may be empty)."""
        self._searches.append((search, text))
        self._shown += [
            (search, product, position, None, None, 0, 0, 0, 0) for position, product in enumerate(listed, start=1)
        ]
        self._write_if_full()

    def add_event(self, search: str, text: str, action: Action, product: str, ordinal: int | None) -> None:
        """An event on a product; `ordinal` as logged, counted from 0 or 1."""
        if text:
            self._searches.append((search, text))
        seen = action == "impression"
        positions = (None, ordinal if seen else None, None if seen else ordinal)
        click, cart, purchase = (int(action == name) for name in ("click", "cart", "purchase"))
        self._shown.append((search, product, *positions, int(seen), click, cart, purchase))
        self._write_if_full()

    def pour(self, tally: Tally, rejects: Rejects) -> None:
        """Adds every impression to the tally.

        Where a search has impression events, these are its impressions (a product further down than the shopper ever
        scrolled was listed, not shown); else the products its query record lists are. Positions come from the
        impression, the click, the list, whichever has one first. An ordinal of 0 anywhere means that all ordinals
        count from 0. Rejected: clicks on what was not shown, impressions without a position, searches without a text.
        """
        self._write()
        lows = self._base.execute("SELECT MIN(ordinal), MIN(at_click) FROM shown").fetchone()
        least = min((low for low in lows if low is not None), default=1)
        shift = 1 if least == 0 else 0
        for _, rows in groupby(self._rows(), key=itemgetter(0)):
            found = list(rows)
            has_impressions = any(row.impression for row in found)
            for row in found:
                self._pour_one(row, has_impressions, shift, tally, rejects)
        tally.end_file()

    def _pour_one(self, row: _Shown, has_impressions: bool, shift: int, tally: Tally, rejects: Rejects) -> None:
        was_shown = row.impression if has_impressions else row.listed is not None
        acted = row.click or row.cart or row.purchase
        if not was_shown and not acted:
            return  # listed, but not seen
        logged = row.ordinal if row.ordinal is not None else row.at_click
        position = logged + shift if logged is not None else row.listed

        def reject(field: str, problem: str) -> None:
            rejects.add(Rejected(file=f"search {row.search[:80]}", line=0, field=field, problem=problem))

        if not was_shown:
            reject("action_name", f"says that {row.product!r} was acted on, but no impression of it was logged")
            return
        if position is None:
            reject("event_attributes.position.ordinal", f"is missing for {row.product!r}")
            return
        if not row.text:
            reject("user_query", "is missing: neither a query record nor an event of this search has it")
            return
        tally.add(
            qid=query_key(row.text),
            text=row.text,
            product=row.product,
            position=position,
            clicked=bool(acted),
            carted=bool(row.cart),
            purchased=bool(row.purchase),
        )

    def _rows(self) -> Iterator[_Shown]:
        return map(_Shown._make, self._base.execute(_JOINED))

    def _write_if_full(self) -> None:
        if len(self._shown) >= _BATCH or len(self._searches) >= _BATCH:
            self._write()

    def _write(self) -> None:
        self._base.execute("BEGIN")
        self._base.executemany(_ADD_SEARCH, self._searches)
        self._base.executemany(_ADD_SHOWN, self._shown)
        self._base.execute("COMMIT")
        self._searches.clear()
        self._shown.clear()
