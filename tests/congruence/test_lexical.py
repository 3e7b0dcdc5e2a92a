"""Lexical search: the engines' BM25 differ in the last digits and in rounding, their first pages hardly."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.codes import query_codes
from multirecall.engines.base import EngineRequest, Text
from tests.congruence.conftest import Record
from tests.congruence.pairs import Pair

QUERIES = 80

OVERLAP_FLOORS = {"embedded": 0.96, "elasticsearch": 0.95, "opensearch": 0.95}
"""Least mean share of the exact engine's first ten products among the engine's first ten.

Measured: .97 to .99 (field lengths are rounded to a byte, and each field counts its own products for the idf)."""

SAME_TOTAL_FLOOR = 0.98
"""Least share of queries with the exact engine's total: the rest is stemmers that disagree."""


def _clauses(pair: Pair, **options: object) -> list[Text]:
    rng = np.random.default_rng(pair.catalogue.seed + 3)
    texts = [pair.catalogue.query(rng) for _ in range(QUERIES)]
    return [Text(text=text, codes=query_codes(text), **options) for text in texts]  # type: ignore[arg-type]


def _overlap(exact: list[str], other: list[str]) -> float:
    return len(set(exact) & set(other)) / max(len(exact), len(other), 1) if exact or other else 1.0


@pytest.mark.parametrize("min_match", [0.0, 0.6, 1.0])
def test_first_pages_and_totals_agree(pair: Pair, min_match: float, record: Record) -> None:
    clauses = _clauses(pair, min_match=min_match)
    answers = pair.answers([EngineRequest(clause=clause, k=10) for clause in clauses])
    assert sum(bool(exact.hits) for exact, _ in answers) > QUERIES * 0.9
    overlaps = [_overlap([h.id for h in exact.hits], [h.id for h in other.hits]) for exact, other in answers]
    floor = OVERLAP_FLOORS[pair.other.capabilities.name]
    record("overlap@10", float(np.mean(overlaps)))
    assert np.mean(overlaps) >= floor, f"seed {pair.catalogue.seed}: {clauses[int(np.argmin(overlaps))]}"
    same = [exact.total == other.total for exact, other in answers]
    record("same totals", float(np.mean(same)))
    assert np.mean(same) >= SAME_TOTAL_FLOOR, [c.text for c, s in zip(clauses, same, strict=True) if not s]


def test_the_best_hit_agrees(pair: Pair, record: Record) -> None:
    clauses = _clauses(pair)
    answers = pair.answers([EngineRequest(clause=clause, k=3) for clause in clauses])
    agree = [other.hits[0].id in {h.id for h in exact.hits} for exact, other in answers if exact.hits]
    record("best hit among the exact three", float(np.mean(agree)))
    assert np.mean(agree) >= 0.95


def test_typos_find_what_the_exact_engine_finds(pair: Pair, record: Record) -> None:
    rng = np.random.default_rng(pair.catalogue.seed + 4)
    clauses = []
    for _ in range(30):
        word = str(rng.choice([w for w in pair.catalogue.words if w.endswith("k") and len(w) > 4]))
        cut = int(rng.integers(1, len(word) - 2))
        clauses.append(Text(text=word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :], fuzzy=True))
    answers = pair.answers([EngineRequest(clause=clause, k=1000) for clause in clauses])
    overlaps = [_overlap([h.id for h in exact.hits], [h.id for h in other.hits]) for exact, other in answers]
    record("overlap of typo matches", float(np.mean(overlaps)))
    assert np.mean(overlaps) >= 0.9, f"seed {pair.catalogue.seed}: {clauses[int(np.argmin(overlaps))]}"
