"""Curation: thresholds by their definition, agreement, caps, near-copies."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.core.rewriting import Rewriting
from multirecall.training.synthesis.curate import Caps, curate, threshold_for
from multirecall.training.synthesis.retrieve import Candidate, CatalogueText, Find

REWRITING = Rewriting(text="lumbar chair", by="teacher", confidence=0.9)


def candidate(id: str, title: str, leaf: str = "Chairs") -> Candidate:
    about = CatalogueText(title=title, leaf=leaf, text=title)
    return Candidate(id=id, finds=(Find(rewriting=REWRITING, bm25_rank=1),), about=about)


def settled(candidates: list[Candidate], b: list[float], s: list[float] | None = None, **caps: float):
    scores = np.array(b), np.array(s or [1.0] * len(b))
    return curate("sore back", "question", candidates, *scores, tau_b=0.5, tau_s=0.5, caps=Caps(**caps))  # type: ignore[arg-type]


def test_the_threshold_is_the_lowest_with_the_precision() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    good = np.array([True, True, False, True, False])
    found = threshold_for(scores, good, precision=0.75, min_pairs=2)
    assert (found.value, found.precision, found.recall, found.n, found.met) == (0.6, 3 / 4, 1.0, 4, True)


def test_equal_scores_pass_together() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.5])
    good = np.array([True, True, False, False])
    assert threshold_for(scores, good, precision=0.9, min_pairs=1).value == 0.9  # not a part of the 0.5


def test_a_precision_out_of_reach_gives_the_best_and_says_so() -> None:
    found = threshold_for(np.array([0.9, 0.8, 0.7]), np.array([True, False, False]), precision=0.9, min_pairs=2)
    assert (found.value, found.precision, found.met) == (0.8, 0.5, False)


@pytest.mark.parametrize("good", [[True] * 3, [False] * 30])
def test_too_few_labels_are_refused(good: list[bool]) -> None:
    with pytest.raises(InvalidInput, match="threshold needs 20"):
        threshold_for(np.zeros(len(good)), np.array(good))


def test_both_judges_must_agree_and_the_record_says_where_it_came_from() -> None:
    some = [candidate("1", "a red chair"), candidate("2", "one blue stool"), candidate("3", "my green bench")]
    found = settled(some, [0.9, 0.9, 0.4], [0.9, 0.4, 0.9], min_pairs=1)
    assert found.rejected["judges"] == ("2", "3")
    (pair,) = found.pairs
    assert pair.to_dict() == {
        "x": "sore back", "p": "1", "y_used": "lumbar chair", "by": "teacher", "J": 0.9, "B": 0.9, "S": 0.9,
        "type": "question", "source": "syn",
    }  # fmt: skip


def test_near_copies_and_caps_and_order() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota"]
    long = " ".join(words)
    some = [
        candidate("1", long),
        candidate("2", f"{long} kappa"),  # Jaccard 9/10: a copy
        candidate("3", f"{long} lambda mu"),  # 9/11: another product
        candidate("4", "other words entirely"),
        candidate("5", "more different words", leaf="Stools"),
        candidate("6", "and yet another one", leaf="Stools"),
    ]
    found = settled(some, [0.9, 0.8, 0.8, 0.7, 0.6, 0.95], per_query=3, per_category=2)
    assert [pair.p for pair in found.pairs] == ["6", "1", "3"]
    assert found.rejected == {"judges": (), "same title": ("2",), "category": ("4",), "query": ("5",)}


def test_a_query_with_too_few_survivors_is_dropped() -> None:
    found = settled([candidate("1", "a chair"), candidate("2", "some stool")], [0.9, 0.9])
    assert (found.pairs, found.dropped) == ((), True)


def test_impossible_caps_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Caps"):
        Caps(per_query=0)
