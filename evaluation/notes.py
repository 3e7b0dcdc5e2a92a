"""What a reader must know before believing a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.joining import Joined, examples
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import Measure, Run
from multirecall.evaluation.policies import Unjudged
from multirecall.evaluation.report import SegmentRow

__all__ = ["check_runs", "notes_of"]

_LESS_JUDGED = 0.1
_MANY_EMPTY = 0.01
_FEW_QUERIES = 10  # below, the percentile bootstrap covers clearly less than it promises


def check_runs(runs: Mapping[str, Run], judgments: Judgments) -> None:
    """Raises InvalidInput for a run none of whose queries is judged: its figures would be 0 for no fault of its own."""
    for name, run in runs.items():
        if not any(qid in judgments.grades for qid in run):
            raise InvalidInput(
                f"Run {name!r} holds no query that is judged.",
                hint=f"Its queries are {examples(run) or 'none'}; the judged ones are {examples(judgments.grades)}.",
                field="runs",
            )


def notes_of(
    runs: Mapping[str, Run],
    found: Joined,
    measures: Sequence[Measure],
    overall: SegmentRow,
    segments: Sequence[SegmentRow],
) -> tuple[str, ...]:
    """Sentences, the gravest first; empty if there is nothing to tell."""
    return tuple(
        note
        for part in (
            _strange_products(runs, found.judgments),
            _missing(overall),
            _too_short(runs, measures),
            _less_judged(overall),
            _turned(overall),
            _small(overall, segments),
            _unmatched(found),
        )
        for note in part
    )


def _strange_products(runs: Mapping[str, Run], judgments: Judgments) -> Iterator[str]:
    for name, run in runs.items():
        judged_here = [qid for qid in run if run[qid] and qid in judgments.grades]
        if judged_here and not any(p in judgments.of(qid) for qid in judged_here for p in run[qid]):
            qid = judged_here[0]
            yield (
                f"{name}: not one of its products is judged. Are these ids of the same catalogue? It shows "
                f"{examples(run[qid])} for {qid!r}; judged are {examples(judgments.of(qid))}."
            )


def _missing(overall: SegmentRow) -> Iterator[str]:
    told: set[str] = set()
    for figure in overall.figures:
        if figure.system not in told and figure.n_empty > _MANY_EMPTY * figure.n:
            told.add(figure.system)
            yield f"{figure.system}: {figure.n_empty:,} of {figure.n:,} queries without an answer; they count 0."


def _too_short(runs: Mapping[str, Run], measures: Sequence[Measure]) -> Iterator[str]:
    for name, run in runs.items():
        depth = max((len(ranked) for ranked in run.values()), default=0)
        deeper = [str(measure) for measure in measures if measure.k is not None and measure.k > depth]
        if deeper:
            yield f"{name}: it holds at most {depth} products a query; {', '.join(deeper)} looks deeper."


def _less_judged(overall: SegmentRow) -> Iterator[str]:
    for comparison in overall.comparisons:
        mine = overall.figure(comparison.system, comparison.measure)
        base = overall.figure(comparison.baseline, comparison.measure)
        if mine.judged is None or base.judged is None or abs(mine.judged - base.judged) <= _LESS_JUDGED:
            continue
        less, more = (mine, base) if mine.judged < base.judged else (base, mine)
        depth = "" if mine.k is None else f"@{mine.k}"
        yield (
            f"{mine.measure}: judged{depth} is {less.judged:.0%} for {less.system} and {more.judged:.0%} for "
            f"{more.system}; what nobody judged counts as irrelevant, so {less.system} may be better than it looks. "
            "Look at the condensed figure, or have a pool judged."
        )


def _turned(overall: SegmentRow) -> Iterator[str]:
    for comparison in overall.comparisons:
        condensed = comparison.difference_under[Unjudged.CONDENSED.value]
        if comparison.significant and condensed * comparison.difference < 0:
            yield (
                f"{comparison.measure}: {comparison.system} against {comparison.baseline} is "
                f"{comparison.difference:+.3f} with unjudged products as irrelevant, but {condensed:+.3f} over judged "
                "products alone: the judgments do not decide between them."
            )


def _small(overall: SegmentRow, segments: Sequence[SegmentRow]) -> Iterator[str]:
    small = [row.value for row in (overall, *segments) if 0 < max(f.n for f in row.figures) < _FEW_QUERIES]
    if small:
        yield (
            f"Fewer than {_FEW_QUERIES} queries: {', '.join(dict.fromkeys(small))}. Such figures say little, and their "
            "intervals are too narrow."
        )


def _unmatched(found: Joined) -> Iterator[str]:
    if found.by == "text":
        yield "The judgments were joined to the queries by text."
    if found.unknown:
        yield f"Judged, but not in the queries file: {len(found.unknown):,} ({examples(found.unknown)})."
    if found.unjudged:
        yield f"Without any judgment, so left out: {len(found.unjudged):,} ({examples(found.unjudged)})."
