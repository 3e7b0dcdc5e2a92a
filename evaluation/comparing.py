"""Two runs side by side: who wins, and the queries on which they differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.joining import joined
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import Measure, Run, open_measure
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.report import Comparison, Figure

__all__ = ["MovedQuery", "RunComparison", "ShownProduct", "compare"]

_SAME = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProduct:
    """A product in one of the two lists: its grade (None: unjudged) and its rank in the other list (None: absent)."""

    product_id: str
    grade: float | None
    other_rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedQuery:
    """A query with its figure and its first products in A and in B; `difference` is B minus A."""

    qid: str
    text: str
    a: float
    b: float
    difference: float
    shown_a: tuple[ShownProduct, ...]
    shown_b: tuple[ShownProduct, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """B against A, A being the baseline. `moved`: the largest differences first, ties by query id, no equal query."""

    a: str
    b: str
    measure: str
    figures: tuple[Figure, Figure]
    comparison: Comparison
    moved: tuple[MovedQuery, ...]
    notes: tuple[str, ...]


def compare(
    a: tuple[str, Run],
    b: tuple[str, Run],
    queries: Sequence[JudgedQuery],
    judgments: Judgments,
    measure: Measure | str = "nDCG@10",
    *,
    n_moved: int = 10,
    depth: int = 10,
    seed: int = 7,
) -> RunComparison:
    """What changes from run A to run B (each with its name) by one measure.

    `n_moved` queries are listed, with the first `depth` products of both. Raises what `evaluate` raises, and
    InvalidInput for two runs of one name.
    """
    if a[0] == b[0]:
        raise InvalidInput(f"Both runs are called {a[0]!r}.", hint="Rename a file.", field="runs")
    opened = open_measure(measure) if isinstance(measure, str) else measure
    report = evaluate({a[0]: a[1], b[0]: b[1]}, queries, judgments, [opened], [], baseline=a[0], seed=seed)
    before, after = (report.values[str(opened)][name] for name in (a[0], b[0]))
    order = sorted(
        (qid for qid in before if abs(after[qid] - before[qid]) > _SAME),
        key=lambda qid: (-abs(after[qid] - before[qid]), qid),
    )
    grades = joined(judgments, queries).judgments
    return RunComparison(
        a=a[0],
        b=b[0],
        measure=str(opened),
        figures=(report.overall.figures[0], report.overall.figures[1]),
        comparison=report.overall.comparisons[0],
        moved=tuple(
            MovedQuery(
                qid=qid,
                text=report.texts[qid],
                a=before[qid],
                b=after[qid],
                difference=after[qid] - before[qid],
                shown_a=_shown(qid, a[1], b[1], grades, depth),
                shown_b=_shown(qid, b[1], a[1], grades, depth),
            )
            for qid in order[:n_moved]
        ),
        notes=report.notes,
    )


def _shown(qid: str, run: Run, other: Run, judgments: Judgments, depth: int) -> tuple[ShownProduct, ...]:
    grades = judgments.of(qid)
    other_ranks = {product_id: rank for rank, product_id in enumerate(other.get(qid, ()), start=1)}
    return tuple(
        ShownProduct(product_id=product_id, grade=grades.get(product_id), other_rank=other_ranks.get(product_id))
        for product_id in run.get(qid, ())[:depth]
    )
