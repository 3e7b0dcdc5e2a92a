"""Grades of made queries by construction, in one pass over the whole catalogue, whatever its size.

| grade | product |
|---|---|
| 3 | has all that the query asks for; the product that the query was made of |
| 2 | has all words of a piece of a title, but not all in its title |
| 1 | is of the kind without all that was asked beside it; lacks one of three or more words of a piece |

They say what has the words, not what a shopper would take: a chest for toner has the words of toner.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multirecall.core.codes import normalise_code
from multirecall.core.match_text import split_parts
from multirecall.training.tuning.queries import MadeQuery

__all__ = ["GRADED_FIELDS", "MAX_ANSWERS", "grade_catalogue"]

GRADED_FIELDS = ("match_text", "category_path", "identifiers")
"""What is read of each product."""

MAX_ANSWERS = 300
"""A query that more products answer is dropped: no list of 100 can tell two systems apart by it."""

MAX_PARTIAL = 1_000
"""If more products have grade 1, none has: they are the rest of a large shelf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """A query's words as the index analyses them. `anchors`: a product without any of them cannot be graded."""

    query: MadeQuery
    kind: frozenset[str]
    rest: frozenset[str]
    code: str
    anchors: tuple[str, ...]


def grade_catalogue(
    records: Iterable[Mapping[str, Any]],
    queries: Sequence[MadeQuery],
    frequency: Mapping[str, int],
    analyse: Callable[[str], Sequence[str]],
    *,
    max_answers: int = MAX_ANSWERS,
    max_partial: int = MAX_PARTIAL,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, float]]:
    """Grades by query id and product id, of the queries that 1 to `max_answers` products answer fully.

    `records` have `GRADED_FIELDS`; `frequency` says in how many products of a sample each word is (a query is looked
    at only for products that have its rarest); `analyse` gives a text's words as the match text has them.
    """
    by_anchor: dict[str, list[_Need]] = defaultdict(list)
    for need in (_need(query, frequency, analyse) for query in queries):
        for anchor in need.anchors:
            by_anchor[anchor].append(need)
    grades: dict[str, dict[str, float]] = {query.qid: {query.product: 3.0} for query in queries}
    full: Counter[str] = Counter({query.qid: 1 for query in queries})
    partial: Counter[str] = Counter()
    for record in records:
        advance()
        id_ = str(record["id"])
        title_part, brand, _, codes_part, other = split_parts(str(record.get("match_text") or ""))
        title = frozenset(title_part.split())
        words = title.union(brand.split(), other.split())
        path = record.get("category_path") or ()
        leaf = str(path[-1]) if path else ""
        codes = {*codes_part.split(), *(normalise_code(str(one)) for one in record.get("identifiers") or ())}
        met = {
            need.query.qid: need
            for anchor in (*title, *(f"code:{code}" for code in codes), f"leaf:{leaf}")
            for need in by_anchor.get(anchor, ())
        }
        for qid, need in met.items():
            if id_ == need.query.product:
                continue
            grade = _grade(need, title, words, leaf, codes)
            if grade == 1.0:
                partial[qid] += 1
                if partial[qid] > max_partial:
                    continue
            elif grade:
                full[qid] += 1
                if full[qid] > max_answers:
                    grades[qid].clear()
                    continue
            if grade:
                grades[qid][id_] = grade
    kept = {qid: of for qid, of in grades.items() if full[qid] <= max_answers}
    return {
        qid: {id_: grade for id_, grade in of.items() if grade > 1.0 or partial[qid] <= max_partial}
        for qid, of in kept.items()
    }


def _need(query: MadeQuery, frequency: Mapping[str, int], analyse: Callable[[str], Sequence[str]]) -> _Need:
    asked = query.asked
    kind = frozenset(analyse(asked.kind))
    rarest = sorted(kind, key=lambda word: (frequency.get(word, 0), word))
    if asked.code:
        anchors: tuple[str, ...] = (f"code:{normalise_code(asked.code)}",)
    elif asked.leaf:
        anchors = (f"leaf:{asked.leaf}",)
    else:  # of a piece one word may be missing, so one of any two is there
        anchors = tuple(rarest[: 2 if asked.phrase else 1])
    return _Need(
        query=query,
        kind=kind,
        rest=frozenset(analyse(asked.rest)),
        code=normalise_code(asked.code) if asked.code else "",
        anchors=anchors,
    )


def _grade(need: _Need, title: frozenset[str], words: frozenset[str], leaf: str, codes: set[str]) -> float:
    asked = need.query.asked
    if need.code:
        return 3.0 if need.code in codes else 0.0
    if asked.phrase:
        if need.kind <= title:
            return 3.0
        if need.kind <= words:
            return 2.0
        return 1.0 if len(need.kind) >= 3 and len(need.kind - title) == 1 else 0.0
    of_kind = leaf == asked.leaf if asked.leaf else need.kind <= title
    if not of_kind:
        return 0.0
    return 3.0 if need.rest <= words else 1.0
