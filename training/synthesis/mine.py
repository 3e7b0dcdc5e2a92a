"""Tail queries: asked, but without clicks to learn from. Of a log; made of knowledge where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineUnavailable, InvalidInput
from multirecall.core.ranking import RouteStatus
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, EngineRequest, EngineResult, Text, Vector
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.search.understand import understand
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.sums import sums_by
from multirecall.training.rewriter.data import concept_needs
from multirecall.training.rewriter.templates import TRAINING_TEMPLATES

__all__ = [
    "PLAIN",
    "MinedQuery",
    "TailRule",
    "asked",
    "queries_of_concepts",
    "queries_of_log",
    "query_type",
]

PLAIN = "plain"
"""The type of a query that products answer by its own words: no rewriting is needed, so it is not mined."""

_CUES: Mapping[str, re.Pattern[str]] = {
    "alternative": re.compile(
        r"\b(alternatives?|instead of|in place of|substitutes?|replac\w+|equivalent|cheaper than|similar to|"
        r"something like|other options|rather than|cannot afford|can't afford|saving money)\b"
    ),
    "negation": re.compile(
        r"\b(no|not|without|never|nothing|avoid\w*|refuse|don't|do not|anything but|free of|spare me)\b"
    ),
    "question": re.compile(
        r"\b(how|what|why|who|which|where|cure|remedy|remedies|helps?|stop|fix\w*|against|get rid|fed up|suffer\w*)\b"
    ),
}
"""Words that tell a kind, looked for in this order: "what is not cheaper than a taxi" asks for an alternative."""

_BATCH = 64
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedQuery:
    """A query worth pairs. `why` it is: its clicks, `weak`, or a concept's key."""

    text: str
    type: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TailRule:
    """A query of a log is a tail query if it has at most `max_clicks`, or if its nearest product is further than that
    of all but `weak_share` of the head queries (those with `head_clicks` or more). It is left out if some product has
    all its words: then its words answer it."""

    max_clicks: int = 2
    head_clicks: int = 10
    weak_share: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.max_clicks < self.head_clicks or not 0.0 <= self.weak_share < 1.0:
            raise InvalidInput(
                "A tail rule needs 0 <= max_clicks < head_clicks and a weak_share of 0 or more, below 1.", field="rule"
            )


def query_type(text: str) -> str:
    """The kind of knowledge that a query without an answer in its words seems to need, by words that tell it.

    Those without any describe a scene or an occasion.
    """
    lowered = text.lower()
    return next((kind for kind, cue in _CUES.items() if cue.search(lowered)), "scene")


def queries_of_concepts(
    concepts: Iterable[Concept], *, templates: Mapping[str, Sequence[str]] = TRAINING_TEMPLATES
) -> Iterator[MinedQuery]:
    """Every wording of every concept in every template of its kind: where there is no log, knowledge makes the queries.

    Of equal texts the first is kept.
    """
    seen: set[str] = set()
    for need in concept_needs(concepts, templates):
        if need.text not in seen:
            seen.add(need.text)
            yield MinedQuery(text=need.text, type=need.kind, why=need.concept)


def queries_of_log(
    log: ClickLog,
    engine: Engine,
    *,
    encoder: Encoder | None = None,
    vector_field: str = "dense",
    rule: TailRule | None = None,
    index: str | None = None,
) -> list[MinedQuery]:
    """The knowledge-intensive tail queries of a log, by text.

    Without an encoder (or without a head query to compare with) only clicks count. Asks the engine once or twice per
    query. Raises EngineUnavailable if it does not answer completely: a query is not mined by half an answer.
    """
    rule = rule or TailRule()
    clicks = sums_by(log.query, log.clicks.astype(np.float64), len(log.queries))
    by_text: dict[str, float] = {}
    for text, count in zip(log.texts, clicks.tolist(), strict=True):
        clean = understand(text).text.lower()
        if clean:
            by_text[clean] = by_text.get(clean, 0.0) + count
    texts = sorted(by_text)
    weak: set[str] = set()
    if encoder is not None:
        nearest = dict(zip(texts, _nearest(engine, encoder, texts, vector_field, index), strict=True))
        heads = [nearest[text] for text in texts if by_text[text] >= rule.head_clicks]
        if heads:
            below = float(np.quantile(heads, rule.weak_share))
            weak = {text for text in texts if nearest[text] < below}
    tail = [text for text in texts if by_text[text] <= rule.max_clicks or text in weak]
    requests = [EngineRequest(clause=Text(text=text, min_match=1.0), k=0) for text in tail]
    totals = [result.total for result in asked(engine, requests, index)]
    return [
        MinedQuery(
            text=text,
            type=query_type(text),
            why=f"{by_text[text]:g} clicks" if by_text[text] <= rule.max_clicks else "weak",
        )
        for text, total in zip(tail, totals, strict=True)
        if not total
    ]


def asked(engine: Engine, requests: Sequence[EngineRequest], index: str | None = None) -> list[EngineResult]:
    """The results of all requests, in their order. Raises EngineUnavailable if one is not complete."""
    results: list[EngineResult] = []
    for start in range(0, len(requests), _BATCH):
        results += engine.search_many(requests[start : start + _BATCH], Deadline.after(_TIMEOUT_S), index=index)
    bad = next((result for result in results if result.status is not RouteStatus.OK), None)
    if bad is not None:
        raise EngineUnavailable(
            f"The engine gave no complete answer ({bad.status.value}): {bad.error or 'no reason given'}.",
            hint="Nothing is lost: start it again when the engine answers.",
        )
    return results


def _nearest(
    engine: Engine, encoder: Encoder, texts: Sequence[str], vector_field: str, index: str | None
) -> list[float]:
    """The cosine of each text's nearest product; -1 for a text that the encoder knows nothing of."""
    rows = encoder.encode_queries(texts)
    known = [at for at in range(len(texts)) if rows[at].any()]
    requests = [EngineRequest(clause=Vector(field=vector_field, vector=rows[at]), k=1) for at in known]
    found = [-1.0] * len(texts)
    for at, result in zip(known, asked(engine, requests, index), strict=True):
        found[at] = result.hits[0].score if result.hits else -1.0
    return found
