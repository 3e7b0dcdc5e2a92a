"""Runs and judgments in, a report out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.joining import joined
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import Measure, Run, judged_share, open_measure
from multirecall.evaluation.notes import check_runs, notes_of
from multirecall.evaluation.policies import Unjudged, figure_under
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.report import ALL_QUERIES, EvaluationReport
from multirecall.evaluation.segment_rows import Comparing, Scored, corrected, corrected_by_measure, segment_row
from multirecall.evaluation.segments import default_segments, segmented

__all__ = ["DEFAULT_MEASURES", "evaluate"]

DEFAULT_MEASURES = ("nDCG@10", "R@100", "RR@10")


def evaluate(
    runs: Mapping[str, Run],
    queries: Sequence[JudgedQuery],
    judgments: Judgments,
    measures: Sequence[Measure | str] = DEFAULT_MEASURES,
    segments: Sequence[str] | None = None,
    *,
    baseline: str | None = None,
    top_grade: float | None = None,
    alpha: float = 0.05,
    confidence: float = 0.95,
    rounds: int = 10_000,
    seed: int = 7,
) -> EvaluationReport:
    """The figures of each run (by its name), of each segment, and each run against the baseline (the first run).

    A figure is the mean over the `queries` that the measure is defined for by the judgments, whether a run holds them
    or not: one without an answer counts 0. Judgments are joined by id or by text, see `joined`. `segments` are names
    that `segmented` knows; None: `default_segments`. `top_grade` is the highest grade of the scale, by default the
    highest that was given; it matters for the policy `best` and `worst` only.

    Corrected by Holm: all comparisons of all queries (systems x measures) are one family; those of the segments are one
    family per measure. Pure and deterministic by `seed`; costs some 5 s for 4 runs, 350 queries and 3 measures. Raises
    InvalidInput if there is no run or measure, or a name is unknown; if a run has no query that is judged, naming
    examples of both; if a measure asks for a grade that no judgment reaches.
    """
    opened = tuple(dict.fromkeys(open_measure(m) if isinstance(m, str) else m for m in measures))
    if not runs or not opened:
        raise InvalidInput("An evaluation needs a run and a measure.", field="runs" if not runs else "measures")
    settings = Comparing(
        systems=tuple(runs),
        baseline=next(iter(runs)) if baseline is None else baseline,
        alpha=alpha,
        confidence=confidence,
        rounds=rounds,
        seed=seed,
    )
    if settings.baseline not in runs:
        raise InvalidInput(
            f"The baseline {settings.baseline!r} is none of the runs.",
            hint=f"Runs: {', '.join(runs)}.",
            field="baseline",
        )
    found = joined(judgments, queries)
    check_runs(runs, found.judgments)
    scale = found.judgments.top_grade if top_grade is None else top_grade
    scored = [_scored(measure, runs, queries, found.judgments, scale) for measure in opened]
    families = segmented(queries, default_segments(queries) if segments is None else segments)
    overall = segment_row("", ALL_QUERIES, [query.qid for query in queries], scored, settings)
    rows = [
        segment_row(f, value, qids, scored, settings)
        for f, by_value in families.items()
        for value, qids in by_value.items()
    ]
    (all_queries,) = corrected([overall], alpha)
    return EvaluationReport(
        systems=settings.systems,
        baseline=settings.baseline,
        measures=tuple(str(measure) for measure in opened),
        alpha=alpha,
        top_grade=scale,
        n_queries=len(queries),
        n_judged_queries=sum(query.qid in found.judgments.grades for query in queries),
        n_judgments=len(found.judgments),
        overall=all_queries,
        segments=tuple(corrected_by_measure(rows, alpha)),
        values={
            str(one.measure): {
                system: dict(zip(one.qids, one.values[0, :, at].tolist(), strict=True))
                for at, system in enumerate(settings.systems)
            }
            for one in scored
        },
        texts={query.qid: query.text for query in queries},
        notes=notes_of(runs, found, opened, all_queries, rows),
    )


def _scored(
    measure: Measure, runs: Mapping[str, Run], queries: Sequence[JudgedQuery], judgments: Judgments, top_grade: float
) -> Scored:
    if measure.min_grade > judgments.top_grade:
        raise InvalidInput(
            f"{measure} asks for grades of {measure.min_grade:g} or more; the highest grade given is "
            f"{judgments.top_grade:g}.",
            hint="Say what counts as relevant on this scale, for instance P(rel=1)@10 or ItemGoodRate(rel=1)@10.",
            field="measures",
        )
    qids = tuple(query.qid for query in queries if measure.is_defined(judgments.of(query.qid)))
    if not qids:
        raise InvalidInput(f"{measure} is not defined for any of the queries.", field="measures")
    pairs = np.array(
        [
            [
                [
                    figure_under(policy, measure, run.get(qid, ()), judgments.of(qid), top_grade=top_grade)
                    for run in runs.values()
                ]
                for qid in qids
            ]
            for policy in tuple(Unjudged)
        ],
        dtype=np.float64,
    )
    shares = [[judged_share(run.get(qid, ()), judgments.of(qid), measure.k) for run in runs.values()] for qid in qids]
    return Scored(
        measure=measure,
        qids=qids,
        values=pairs[..., 0],
        weights=pairs[..., 1],
        judged=np.array(shares, dtype=np.float64),
    )
