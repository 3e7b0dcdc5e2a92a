"""Hard products for the second stage: found by the encoder that is being trained, graded anew (sheet 4, section 2.3).

What an encoder finds and nobody judged is not irrelevant: taken as such it would be a false negative. So the annotator
grades it, and only what the encoder is wrong about is kept, with some of the negatives that were known before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.draws import Dice
from multirecall.training.graded.annotating import LEAST_MARGIN, Annotator, Label, labels
from multirecall.training.graded.duplicates import Duplicates
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.graded.recalling import Recall, Seen
from multirecall.training.graded.thresholds import Thresholds

__all__ = ["AllIrrelevant", "Mined", "MiningReport", "MiningRules", "mine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningRules:
    """`k` products are looked for by each route. Within the first `deep` an irrelevant one is too high, and below them
    (and below as many as the query has) one of the top level is too low. Of each kind `per_kind` are kept, with
    `originals` negatives that were known before. `max_annotated` unjudged products a query go to the annotator, those
    among the first `deep` before others."""

    k: int = 100
    deep: int = 30
    per_kind: int = 4
    originals: int = 4
    max_annotated: int = 60
    least_margin: float = LEAST_MARGIN

    def __post_init__(self) -> None:
        if not (1 <= self.deep <= self.k and self.per_kind >= 1 and self.originals >= 0 and self.max_annotated >= 0):
            raise InvalidInput("Mining needs 1 <= deep <= k and at least one product of each kind.", field="rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningReport:
    """What was found. Of the products that the encoder has among the first `deep` and that nobody judged, `unlabelled`
    got a level from the annotator, and `relevant` of them one above 0: each would have been a false negative.
    `unsure`: unjudged products without a label. `duplicates`: unjudged ones that are as a product of the top level."""

    queries: int
    kept: dict[str, int]
    unlabelled: int
    relevant: int
    unsure: int
    duplicates: int
    annotated: int

    @property
    def false_negative_share(self) -> float:
        """`relevant` of `unlabelled`; 0 without any."""
        return self.relevant / self.unlabelled if self.unlabelled else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "false_negative_share": round(self.false_negative_share, 4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """Groups of hard products with weights, in the order of the queries; queries without two levels have none."""

    groups: tuple[GradedGroup, ...]
    report: MiningReport


class AllIrrelevant:
    """The control: what nobody judged is irrelevant, as training without an annotator has it."""

    fingerprint = "all-irrelevant-0"

    def __init__(self, n_levels: int) -> None:
        self.n_levels = n_levels

    def grade(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Level 0 for all."""
        return np.tile(np.eye(self.n_levels)[0], (len(pairs), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    product: str
    level: int
    weight: float
    score: float
    rank: int
    judged: bool


def mine(
    groups: Sequence[GradedGroup],
    recall: Recall,
    *,
    thresholds: Thresholds,
    annotator: Annotator,
    lexical: Sequence[Sequence[str]] = (),
    duplicates: Duplicates | None = None,
    rules: MiningRules | None = None,
    seed: int = 0,
) -> Mined:
    """Hard positives (top level, ranked or scored too low), hard negatives (level 0, too high) and products of levels
    between that lie beyond either threshold, the most wrong first.

    `lexical` are the ids that words find for each query (`lexical_hits`), to be graded too. A level above 0 that the
    judgments know and of which nothing is hard keeps its best-known products, so that every loss has both its sides.
    Raises InvalidInput if annotator and thresholds have not the same levels, or `lexical` not a list for each query.
    """
    rules = rules or MiningRules()
    if annotator.n_levels != thresholds.n_levels:
        raise InvalidInput(
            f"The annotator knows {annotator.n_levels} levels, the thresholds {thresholds.n_levels}.", field="annotator"
        )
    if lexical and len(lexical) != len(groups):
        raise InvalidInput(f"{len(lexical)} lists of lexical hits for {len(groups)} queries.", field="lexical")
    by_words = lexical or [()] * len(groups)
    queries = [group.query for group in groups]
    found = recall.look(queries, [group.products for group in groups], rules.k)
    tally: Counter[str] = Counter()
    unjudged = [
        _unjudged(group, seen, words, duplicates, thresholds.n_levels - 1, rules, tally)
        for group, seen, words in zip(groups, found, by_words, strict=True)
    ]
    said = labels(
        annotator.grade([(query, one) for query, names in zip(queries, unjudged, strict=True) for one in names]),
        least_margin=rules.least_margin,
    )
    beyond = recall.look(queries, unjudged, 1)
    mined, at = [], 0
    for group, seen, names, more in zip(groups, found, unjudged, beyond, strict=True):
        of_names = dict(zip(names, said[at : at + len(names)], strict=True))
        at += len(names)
        items = _items(group, seen, of_names, more.cosines, rules, tally)
        chosen = _chosen(group, items, thresholds, rules, seed, tally)
        if len({item.level for item in chosen}) > 1:
            mined.append(
                GradedGroup(
                    query=group.query,
                    qid=group.qid,
                    products=tuple(item.product for item in chosen),
                    grades=tuple(item.level for item in chosen),
                    weights=tuple(item.weight for item in chosen),
                    original=group.original,
                    columns=group.columns,
                )
            )
    kinds = ("hard_positive", "hard_negative", "crossing", "original", "filled")
    return Mined(
        groups=tuple(mined),
        report=MiningReport(
            queries=len(groups),
            kept={kind: tally[kind] for kind in kinds},
            unlabelled=tally["unlabelled"],
            relevant=tally["relevant"],
            unsure=tally["unsure"],
            duplicates=tally["duplicates"],
            annotated=len(said),
        ),
    )


def _unjudged(
    group: GradedGroup,
    seen: Seen,
    words: Sequence[str],
    duplicates: Duplicates | None,
    top: int,
    rules: MiningRules,
    tally: Counter[str],
) -> list[str]:
    """What is handed to the annotator: the encoder's first ones, then by the better rank of both routes."""
    near = [one for one, _ in seen.nearest]
    ranks: dict[str, int] = {}
    for route in (near, words):
        for rank, one in enumerate(route):
            ranks[one] = min(rank, ranks.get(one, rank))
    first = set(near[: rules.deep])
    judged = set(group.products)
    candidates = sorted(ranks.keys() - judged, key=lambda one: (one not in first, ranks[one], one))
    kept: list[str] = []
    for one in candidates:
        if len(kept) == rules.max_annotated:
            break
        if duplicates is not None and duplicates.any(one, group.of_level(top)):
            tally["duplicates"] += 1
        else:
            kept.append(one)
    return kept


def _items(
    group: GradedGroup,
    seen: Seen,
    said: dict[str, Label | None],
    cosines: Sequence[float],
    rules: MiningRules,
    tally: Counter[str],
) -> list[_Item]:
    ranks = {one: rank for rank, (one, _) in enumerate(seen.nearest, start=1)}
    items = [
        _Item(
            product=one,
            level=level,
            weight=group.weight(at),
            score=score,
            rank=ranks.get(one, rules.k + 1),
            judged=True,
        )
        for at, (one, level, score) in enumerate(zip(group.products, group.grades, seen.cosines, strict=True))
        if not np.isnan(score)
    ]
    for (one, label), score in zip(said.items(), cosines, strict=True):
        rank = ranks.get(one, rules.k + 1)
        if label is None:
            tally["unsure"] += 1
            continue
        if rank <= rules.deep:
            tally["unlabelled"] += 1
            tally["relevant"] += label.level > 0
        if not np.isnan(score):
            items.append(
                _Item(product=one, level=label.level, weight=label.weight, score=score, rank=rank, judged=False)
            )
    return items


def _chosen(
    group: GradedGroup,
    items: Sequence[_Item],
    thresholds: Thresholds,
    rules: MiningRules,
    seed: int,
    tally: Counter[str],
) -> list[_Item]:
    top = thresholds.n_levels - 1
    deep = max(rules.deep, sum(i.level == top for i in items))  # of 50 that answer, one at rank 40 is where it belongs
    low = [i for i in items if i.level == top and (i.rank > deep or thresholds.too_low(top, i.score))]
    high = [i for i in items if i.level == 0 and (i.rank <= rules.deep or thresholds.too_high(0, i.score))]
    between = [
        i
        for i in items
        if 0 < i.level < top and (thresholds.too_low(i.level, i.score) or thresholds.too_high(i.level, i.score))
    ]
    low.sort(key=lambda i: (i.score, i.product))
    high.sort(key=lambda i: (-i.score, i.product))
    between.sort(key=lambda i: (-abs(i.score - thresholds.medians[i.level]), i.product))
    kinds = {"hard_positive": low, "hard_negative": high, "crossing": between}
    chosen = {i.product: i for of_kind in kinds.values() for i in of_kind[: rules.per_kind]}
    for kind, of_kind in kinds.items():
        tally[kind] += min(len(of_kind), rules.per_kind)
    dice = Dice(seed, f"originals {group.qid}")
    known = [i for i in items if i.judged and i.level == 0 and i.product not in chosen]
    originals = dice.shuffled(known)[: rules.originals]
    tally["original"] += len(originals)
    chosen |= {i.product: i for i in originals}
    for level in sorted(set(group.grades) - {0} - {i.level for i in chosen.values()}, reverse=True):
        known = dice.shuffled([i for i in items if i.judged and i.level == level])[: rules.per_kind]
        tally["filled"] += len(known)
        chosen |= {i.product: i for i in known}
    return sorted(chosen.values(), key=lambda i: (-i.level, i.product))
