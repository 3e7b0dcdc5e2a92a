"""Judgments and queries brought together, by id or by the query's text."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery

__all__ = ["Joined", "examples", "joined", "plain_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Judgments by the ids of the queries.

    `by` is `id` or `text`. `unknown` are the queries of the judgments that are not among the queries, as they stand in
    the file; `unjudged` the ids of queries without any judgment. Both in the order of their file.
    """

    judgments: Judgments
    by: str
    unknown: tuple[str, ...]
    unjudged: tuple[str, ...]


def joined(judgments: Judgments, queries: Sequence[JudgedQuery]) -> Joined:
    """The judgments under the ids of the queries.

    They are joined by id, or, where more of the judgments' queries meet a query by its text than by its id, by text
    (`query,docid,rating` with the query itself in the first column): without regard to case and runs of white space.
    Queries that share a text share its judgments. Raises InvalidSource, with examples of both sides, if nothing meets.
    """
    by_text: dict[str, list[str]] = defaultdict(list)
    for query in queries:
        by_text[plain_text(query.text)].append(query.qid)
    ids = {query.qid: [query.qid] for query in queries}
    keys = {key: plain_text(key) for key in judgments.grades}
    n_ids, n_texts = sum(key in ids for key in keys), sum(text in by_text for text in keys.values())
    if not n_ids and not n_texts:
        raise InvalidSource(
            "No judgment belongs to any of the queries, neither by id nor by text.",
            hint=f"The judgments speak of {examples(keys)}; the queries are {examples(ids)}.",
            field="judgments",
        )
    if n_ids >= n_texts:
        places: Mapping[str, list[str]] = {key: ids.get(key, []) for key in keys}
    else:
        places = {key: by_text.get(text, []) for key, text in keys.items()}
    grades: dict[str, dict[str, float]] = {}
    for key, qids in places.items():
        for qid in qids:
            of_query = grades.setdefault(qid, {})
            for product_id, grade in judgments.grades[key].items():
                if of_query.setdefault(product_id, grade) != grade:
                    raise InvalidSource(
                        f"The judgments of {key!r} and of another spelling of that query disagree: product "
                        f"{product_id!r} has grade {grade:g} and {of_query[product_id]:g}.",
                        hint="Decide for one and remove the other.",
                        field="judgments",
                    )
    return Joined(
        judgments=Judgments(grades=grades, n_ungraded=judgments.n_ungraded),
        by="id" if n_ids >= n_texts else "text",
        unknown=tuple(key for key, qids in places.items() if not qids),
        unjudged=tuple(query.qid for query in queries if query.qid not in grades),
    )


def examples(ids: Iterable[str], n: int = 3) -> str:
    """The first few ids as they are shown in messages: `'q1', 'q2', 'q3', …`."""
    listed = list(ids)
    return ", ".join(repr(one) for one in listed[:n]) + (", …" if len(listed) > n else "")


def plain_text(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
