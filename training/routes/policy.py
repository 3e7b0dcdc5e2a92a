"""A route policy learned from judged queries, and what it saves and costs on queries it did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.report import Comparison, EvaluationReport
from multirecall.evaluation.routes.valuing import ALL_ROUTES
from multirecall.fusion.base import Fusion
from multirecall.recall.policy import RulePolicy, SkipRule
from multirecall.recall.query_shape import QueryShape
from multirecall.training.blender.folds import deal
from multirecall.training.routes.collecting import RoutedQuery
from multirecall.training.routes.rules import Learning, find_rules

__all__ = ["POLICY", "LearnedPolicy", "RouteSaving", "RuleEffect", "learn_policy"]

POLICY = "policy"
MEASURE = NDCG(k=10)
_MEASURES = (str(MEASURE), "R@100")
_DEPTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSaving:
    """How often the policies of the folds leave a route out of queries they did not see, and the time of it.

    `saved_ms` is the mean over all queries of the route's model and engine time; `of_ms` the mean of all of it.
    """

    route: str
    n_skipped: int
    share: float
    saved_ms: float
    of_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEffect:
    """One rule of the policy on the queries it was learned from: flattering, for reading only."""

    route: str
    says: str
    n_queries: int
    mean_fall: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedPolicy:
    """`policy` has no rule if `accepted` is False; `reason` says why. `report` compares, by cross-validation, the
    policy with all routes; `fold_rules` are the rules of each fold: where they agree, the data speak clearly."""

    policy: RulePolicy
    accepted: bool
    reason: str
    report: EvaluationReport
    savings: tuple[RouteSaving, ...]
    effects: tuple[RuleEffect, ...]
    fold_rules: tuple[tuple[str, ...], ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a figure of the first ten does not show."""
        recall = self.report.overall.comparison(POLICY, _MEASURES[1])
        if recall is None or recall.difference >= 0.0 or not recall.significant:
            return ()
        return (
            f"R@100 falls by {-recall.difference:.3f}: the first ten lose nothing, but there are fewer good products "
            "behind them, for later pages, for filters on the page, and for whatever ranks the candidates again.",
        )

    @property
    def comparison(self) -> Comparison:
        """The policy against all routes in nDCG@10."""
        found = self.report.overall.comparison(POLICY, str(MEASURE))
        if found is None:  # a measure without a query does not get through evaluate
            raise InvalidInput("No query could be compared.", field="queries")
        return found


def learn_policy(
    asked: Sequence[RoutedQuery],
    fusion: Fusion,
    *,
    routes: Sequence[str],
    brands: Set[str] = frozenset(),
    learning: Learning | None = None,
) -> LearnedPolicy:
    """Rules for leaving out `routes` (the dearest first), accepted only if cross-validation by query bears them out.

    They are accepted if, on queries that the rules were not learned from, nDCG@10 falls by at most the tolerance on
    the mean, and not significantly. Deterministic by the seed. Raises InvalidInput for a route that was not asked, for
    all of the routes at once, or too few queries for the folds.
    """
    learning = learning or Learning()
    known = asked[0].routes if asked else ()
    if not set(routes) <= set(known) or not routes or set(routes) >= set(known):
        raise InvalidInput(
            f"Rules can be learned for some of the routes {', '.join(known)}, not for {', '.join(routes) or 'none'}.",
            field="routes",
        )
    shape = QueryShape(brands=frozenset(brand.lower() for brand in brands))
    trial = _Trial(fusion)
    dearest = sorted(routes, key=lambda r: (-float(np.median([one.total_ms(r) for one in asked])), r))
    by_qid = {one.qid: one for one in asked}
    parts = deal([one.pool for one in asked], learning.n_folds, seed=learning.seed)
    skipped: dict[str, frozenset[str]] = {}
    fold_rules = []
    for at, test in enumerate(parts):
        train = [by_qid[pool.qid] for other, part in enumerate(parts) if other != at for pool in part]
        rules = _rules(train, dearest, shape, trial, learning)
        fold_rules.append(tuple(f"{rule.route}: {rule}" for rule in rules))
        skipped |= {pool.qid: _skips(rules, shape, by_qid[pool.qid]) for pool in test}
    report = evaluate(
        {
            ALL_ROUTES: {one.qid: trial.ranked(one, frozenset()) for one in asked},
            POLICY: {one.qid: trial.ranked(one, skipped[one.qid]) for one in asked},
        },
        [one.pool.judged for one in asked],
        Judgments(grades={one.qid: one.pool.grades for one in asked}),
        _MEASURES,
        alpha=learning.alpha,
        seed=learning.seed,
    )
    rules = _rules(asked, dearest, shape, trial, learning)
    savings = tuple(_saving(route, asked, skipped) for route in dearest)
    reason = _objection(report, rules, savings, learning)
    policy = RulePolicy(
        rules=() if reason else rules,
        shape=shape,
        card=_card(report, savings, learning, fusion, reason, len(asked)),
    )
    return LearnedPolicy(
        policy=policy,
        accepted=not reason,
        reason=reason or "the cross-validated fall is within the tolerance and not significant",
        report=report,
        savings=savings,
        effects=tuple(_effect(rule, asked, shape, trial) for rule in rules),
        fold_rules=tuple(fold_rules),
    )


class _Trial:
    """What the fusion makes of a query without some routes; each case once. As the searcher does, the skipped routes
    are asked after all if the others find nothing."""

    def __init__(self, fusion: Fusion) -> None:
        self._fusion = fusion
        self._ranked: dict[tuple[str, frozenset[str]], list[str]] = {}

    def ranked(self, one: RoutedQuery, skipped: frozenset[str]) -> list[str]:
        key = (one.qid, skipped)
        if key not in self._ranked:
            left = [ranking for ranking in one.pool.rankings if ranking.route not in skipped]
            if not any(ranking.hits for ranking in left):
                left = list(one.pool.rankings)
            self._ranked[key] = [hit.id for hit in self._fusion(left, _DEPTH, one.pool.query).hits]
        return self._ranked[key]

    def figure(self, one: RoutedQuery, skipped: frozenset[str]) -> float:
        return MEASURE(self.ranked(one, skipped), one.pool.grades)


def _rules(
    asked: Sequence[RoutedQuery], routes: Sequence[str], shape: QueryShape, trial: _Trial, learning: Learning
) -> tuple[SkipRule, ...]:
    """Route by route, each given what the rules so far leave out."""
    shapes = [shape(one.pool.query) for one in asked]
    rules: list[SkipRule] = []
    for route in routes:
        before = [_skips(rules, shape, one) for one in asked]
        falls = np.array(
            [
                trial.figure(one, gone) - trial.figure(one, gone | {route})
                for one, gone in zip(asked, before, strict=True)
            ],
            dtype=np.float64,
        )
        rules += [SkipRule(route=route, when=when) for when in find_rules(shapes, falls, learning)]
    return tuple(rules)


def _skips(rules: Sequence[SkipRule], shape: QueryShape, one: RoutedQuery) -> frozenset[str]:
    return frozenset(RulePolicy(rules=tuple(rules), shape=shape).skips(one.pool.query))


def _saving(route: str, asked: Sequence[RoutedQuery], skipped: Mapping[str, frozenset[str]]) -> RouteSaving:
    gone = [one for one in asked if route in skipped[one.qid]]
    return RouteSaving(
        route=route,
        n_skipped=len(gone),
        share=len(gone) / len(asked),
        saved_ms=sum(one.total_ms(route) for one in gone) / len(asked),
        of_ms=sum(one.total_ms(route) for one in asked) / len(asked),
    )


def _effect(rule: SkipRule, asked: Sequence[RoutedQuery], shape: QueryShape, trial: _Trial) -> RuleEffect:
    met = [one for one in asked if rule.holds(one.pool.query, shape)]
    falls = [trial.figure(one, frozenset()) - trial.figure(one, frozenset({rule.route})) for one in met]
    return RuleEffect(
        route=rule.route, says=str(rule), n_queries=len(met), mean_fall=float(np.mean(falls)) if falls else 0.0
    )


def _objection(
    report: EvaluationReport, rules: Sequence[SkipRule], savings: Sequence[RouteSaving], learning: Learning
) -> str:
    """Why the rules must not be used; empty if nothing speaks against them."""
    if not rules:
        return "no rule keeps the fall within the tolerance: nothing can be left out without loss"
    if not any(saving.n_skipped for saving in savings):
        return "the rules of the folds leave nothing out: those of all queries have not been tried on others"
    comparison = report.overall.comparison(POLICY, str(MEASURE))
    if comparison is None:
        return "no query could be compared"
    if comparison.difference < -learning.tolerance:
        return (
            f"on queries that the rules have not seen, nDCG@10 falls by {-comparison.difference:.4f}, "
            f"more than {learning.tolerance:g}"
        )
    if comparison.difference < 0.0 and comparison.p_value < learning.alpha:
        return f"the fall of nDCG@10 is small but significant (p {comparison.p_value:.3f})"
    return ""


def _card(
    report: EvaluationReport,
    savings: Sequence[RouteSaving],
    learning: Learning,
    fusion: Fusion,
    reason: str,
    n_queries: int,
) -> dict[str, object]:
    return {
        "accepted": not reason,
        "reason": reason,
        "fusion": repr(fusion),
        "queries": n_queries,
        "learning": asdict(learning),
        "cross_validated": {
            "comparisons": [asdict(one) for one in report.overall.comparisons],
            "savings": [asdict(one) for one in savings],
        },
    }
