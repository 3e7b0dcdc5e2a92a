"""`GradedGroup`: one query and its judged products, what graded losses learn from; and how judgments become it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.training.clicks.table import query_key
from multirecall.training.graded.reporting import DataReport, Findings
from multirecall.training.graded.scales import FOUR_GRADES, Scale

__all__ = ["GradedData", "GradedGroup", "graded_groups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedGroup:
    """A query's text, and products with their levels (0 irrelevant, the higher the better) in the same order.

    `weights` are how sure each level is, from 0 to 1; none means 1 for all. `original` is the id of the query that this
    one is a copy of ("": none): a copy goes where its original goes. `columns` are those of the query's row (class,
    split, concept, template).
    """

    query: str
    qid: str
    products: tuple[str, ...]
    grades: tuple[int, ...]
    weights: tuple[float, ...] = ()
    original: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Raises InvalidInput for a group that no loss could make sense of."""
        n = len(self.products)
        problem = ""
        if not self.query.strip():
            problem = "its query is empty"
        elif len(self.grades) != n or len(self.weights) not in (0, n):
            problem = f"it has {n} products, {len(self.grades)} grades and {len(self.weights)} weights"
        elif len(set(self.products)) != n:
            problem = "it names a product twice"
        elif any(grade < 0 for grade in self.grades):
            problem = "it has a grade below 0"
        elif not all(0.0 <= weight <= 1.0 for weight in self.weights):
            problem = "it has a weight that is not between 0 and 1"
        if problem:
            raise InvalidInput(f"The group of query {self.qid!r} cannot be used: {problem}.", field="groups")

    def __len__(self) -> int:
        return len(self.products)

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels that occur, highest first."""
        return tuple(sorted(set(self.grades), reverse=True))

    @property
    def is_ordered(self) -> bool:
        """Whether it has two levels or more; one level teaches no order, only what is an answer."""
        return len(self.levels) > 1

    def of_level(self, level: int) -> tuple[str, ...]:
        """The products of a level, in the group's order."""
        return tuple(one for one, grade in zip(self.products, self.grades, strict=True) if grade == level)

    def weight(self, at: int) -> float:
        """How sure the level of the product at this place is."""
        return self.weights[at] if self.weights else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedData:
    """Groups in the order of the queries, and what was wrong with the data that they were made of."""

    groups: tuple[GradedGroup, ...]
    report: DataReport


@dataclass(slots=True)
class _Merged:
    """The queries of one text, with what each says of a product."""

    queries: list[JudgedQuery]
    said: dict[str, dict[str, int]] = field(default_factory=dict)


def graded_groups(
    queries: Iterable[JudgedQuery],
    judgments: Judgments,
    *,
    catalogue: Container[str] | None = None,
    scale: Scale = FOUR_GRADES,
    weights: Mapping[str, Mapping[str, float]] | None = None,
) -> GradedData:
    """One group for each different query text (case and spaces aside) that has a judgment, products by id.

    Reported with their rows and left out: queries without a judgment, judgments of unknown queries, products that are
    not in `catalogue` (if it is given), and pairs that get two levels because their text has two ids. Reported and
    kept: groups of one level. `weights[qid][product_id]` (clicks) are brought to a top of 1; the least counts.

    Raises InvalidInput where training would be wrong: a text with columns `split` that differ, a grade that the scale
    does not know, or no group left. `report.raise_if_unordered()` is for losses that need two levels.
    """
    findings = Findings()
    by_text: dict[str, _Merged] = {}
    for query in queries:
        by_text.setdefault(query_key(query.text), _Merged([])).queries.append(query)
    known = {query.qid for merged in by_text.values() for query in merged.queries}
    for qid in sorted(judgments.grades.keys() - known):
        findings.add("unknown_query", f"qid {qid}: {len(judgments.of(qid))} judgments, and no such query")
    top = max((weight for of in (weights or {}).values() for weight in of.values()), default=1.0) or 1.0
    groups = []
    for merged in by_text.values():
        _note_splits(merged.queries, findings)
        group = _group(merged, judgments, catalogue, scale, weights, top, findings)
        if group is not None:
            groups.append(group)
    report = findings.report(groups=[(len(group), group.grades) for group in groups])
    report.raise_if_wrong()
    return GradedData(groups=tuple(groups), report=report)


def _note_splits(queries: Sequence[JudgedQuery], findings: Findings) -> None:
    splits = {query.qid: query.columns["split"] for query in queries if query.columns.get("split")}
    if len(set(splits.values())) > 1:
        where = ", ".join(f"{split} (qid {qid})" for qid, split in splits.items())
        findings.add("two_splits", f"{queries[0].text!r} is in {where}")


def _group(
    merged: _Merged,
    judgments: Judgments,
    catalogue: Container[str] | None,
    scale: Scale,
    weights: Mapping[str, Mapping[str, float]] | None,
    top: float,
    findings: Findings,
) -> GradedGroup | None:
    first = merged.queries[0]
    sure: dict[str, float] = {}
    for query in merged.queries:
        if not judgments.of(query.qid):
            findings.add("no_judgment", f"qid {query.qid} {query.text!r}")
        for product, grade in sorted(judgments.of(query.qid).items()):
            row = f"qid {query.qid} {query.text!r}, product {product}"
            level = scale.level(grade, query.columns.get("class", ""))
            if level is None:
                findings.add("unknown_grade", f"{row}: grade {grade:g}")
            elif catalogue is not None and product not in catalogue:
                findings.add("unknown_product", row)
            else:
                merged.said.setdefault(product, {})[query.qid] = level
                weight = (weights or {}).get(query.qid, {}).get(product, top) / top
                sure[product] = min(sure.get(product, 1.0), weight)
    levels: dict[str, int] = {}
    for product, said in sorted(merged.said.items()):
        if len(set(said.values())) > 1:
            grades = ", ".join(f"{level} (qid {qid})" for qid, level in said.items())
            findings.add("contradictory", f"{first.text!r}, product {product}: {grades}")
        else:
            levels[product] = next(iter(said.values()))
    if not levels:
        return None
    if len(set(levels.values())) == 1:
        level = next(iter(levels.values()))
        findings.add("one_level", f"qid {first.qid} {first.text!r}: all {len(levels)} products have level {level}")
    return GradedGroup(
        query=first.text,
        qid=first.qid,
        products=tuple(levels),
        grades=tuple(levels.values()),
        weights=tuple(sure[product] for product in levels) if weights else (),
        columns=first.columns,
    )
