"""A policy learned from judged queries: found where a route is not needed, refused where it is, tried on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.core.ranking import Ranking, ScoreKind, ranked_hits
from multirecall.evaluation.queries import JudgedQuery
from multirecall.fusion import WeightedSum
from multirecall.recall.policy import RulePolicy
from multirecall.search.understand import understand
from multirecall.training.blender.collecting import JudgedPool
from multirecall.training.routes.collecting import RoutedQuery
from multirecall.training.routes.policy import POLICY, learn_policy
from multirecall.training.routes.rules import Learning

WORDS = ("black", "printer", "toner", "cable", "keyboard", "lamp", "case", "paper")
DENSE_MS, MODEL_MS = 2.0, 8.0


def ranking(route: str, ids: Sequence[str]) -> Ranking:
    kind = ScoreKind.BM25 if route == "lexical" else ScoreKind.COSINE
    took_ms = DENSE_MS if route == "dense" else 1.0
    return Ranking(
        route=route, kind=kind, took_ms=took_ms, hits=ranked_hits((i, 10.0 - at) for at, i in enumerate(ids))
    )


def asked(n: int = 120, seed: int = 5) -> list[RoutedQuery]:
    """Queries with a part number are answered by the lexical route, all others by the dense one."""
    generator = np.random.default_rng(seed)
    found = []
    for at in range(n):
        with_number = bool(generator.random() < 0.4)
        text = " ".join(
            [*generator.choice(WORDS, size=generator.integers(1, 4)), *([f"lj{at}00"] if with_number else [])]
        )
        good, bad = [f"g{i}" for i in range(5)], [f"b{i}" for i in range(5)]
        generator.shuffle(good)
        rankings = (ranking("lexical", good if with_number else bad), ranking("dense", bad if with_number else good))
        judged = JudgedQuery(qid=f"q{at}", text=text)
        grades = {product_id: float(generator.integers(1, 4)) for product_id in good}
        pool = JudgedPool(judged=judged, query=understand(text), rankings=rankings, grades=grades)
        found.append(RoutedQuery(pool=pool, prepared_ms={"dense": MODEL_MS}))
    return found


def test_part_numbers_do_without_the_dense_route() -> None:
    learned = learn_policy(asked(), WeightedSum(), routes=["dense"])
    assert learned.accepted
    assert set(learned.policy.skips(understand("toner lj4200"))) == {"dense"}
    assert learned.policy.skips(understand("black toner")) == {}
    assert len(learned.fold_rules) == Learning().n_folds
    assert learned.comparison.difference > 0.0  # the lexical route alone is better there
    (saving,) = learned.savings
    n_numbers = sum("lj" in one.pool.query.text for one in asked())
    assert saving.n_skipped == n_numbers
    assert saving.saved_ms == pytest.approx(n_numbers / 120 * (DENSE_MS + MODEL_MS))
    assert saving.of_ms == pytest.approx(DENSE_MS + MODEL_MS)
    assert learned.report.systems == ("all routes", POLICY)
    assert learned.policy.card["accepted"] is True
    back = RulePolicy.from_json(learned.policy.to_json())
    assert back.rules == learned.policy.rules


@pytest.mark.parametrize("seed", range(10))
def test_random_labels_teach_to_skip_nothing(seed: int) -> None:
    """The negative control: what the routes found is dealt to other queries, so that texts say nothing of it."""
    true = asked(seed=seed)
    order = np.random.default_rng(seed).permutation(len(true))
    shuffled = [
        replace(one, pool=replace(one.pool, rankings=true[at].pool.rankings, grades=true[at].pool.grades))
        for one, at in zip(true, order, strict=True)
    ]
    learned = learn_policy(shuffled, WeightedSum(), routes=["dense"])
    assert not learned.accepted
    assert learned.policy.rules == ()
    assert learned.policy.skips(understand("toner lj4200")) == {}
    assert learned.reason


def test_the_same_queries_give_the_same_policy() -> None:
    one, other = (learn_policy(asked(), WeightedSum(), routes=["dense"]) for _ in range(2))
    assert one.policy.to_json() == other.policy.to_json()
    assert one.report == other.report


def test_each_route_can_be_learned_for_and_a_query_keeps_one() -> None:
    both = [
        replace(one, pool=replace(one.pool, rankings=(*one.pool.rankings, ranking("third", ["b0", "b1"]))))
        for one in asked()
    ]
    learned = learn_policy(both, WeightedSum(), routes=["lexical", "dense"])
    assert learned.accepted
    assert set(learned.policy.skips(understand("toner lj4200"))) == {"dense"}
    assert set(learned.policy.skips(understand("black toner"))) == {"lexical"}
    assert [saving.route for saving in learned.savings] == ["dense", "lexical"]  # the dearest first


def test_a_skip_that_would_leave_nothing_asks_the_route_after_all() -> None:
    empty = [
        replace(one, pool=replace(one.pool, rankings=(ranking("lexical", ()), one.pool.rankings[1]))) for one in asked()
    ]
    learned = learn_policy(empty, WeightedSum(), routes=["dense"])
    figures = learned.report.values["nDCG@10"]
    assert figures[POLICY] == figures["all routes"]


@pytest.mark.parametrize("routes", [[], ["rewriter"], ["lexical", "dense"]])
def test_routes_that_cannot_be_left_out_are_refused(routes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="some of the routes lexical, dense"):
        learn_policy(asked(40), WeightedSum(), routes=routes)
