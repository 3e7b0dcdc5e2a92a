"""Blender training at work: what there is to learn from, and a model over what the routes of an index find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multirecall.core.errors import InvalidSettings
from multirecall.engines.analysis import terms
from multirecall.evaluation.joining import joined
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.training.blender.growing import Growing
from multirecall.wiring.searchers import OpenSearcher

if TYPE_CHECKING:
    from multirecall.training.blender.training import TrainedBlender

__all__ = ["OnStep", "Taught", "judged_by_files", "learned_blender", "taught_by"]

OnStep = Callable[[str, int | None], Callable[[], None]]
"""(what begins, how many parts it has at most; None: it has none to count): gives what to call after each part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What there is to learn from: judged queries, or those of a click log; `described` goes into the model card."""

    queries: Sequence[JudgedQuery]
    judgments: Judgments
    described: Mapping[str, Any]
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def judged_by_files(queries: Path, judgments: Path, *, every: int = 1) -> Taught:
    """Queries and judgments of two files; `every` n-th query only, for those who cannot wait."""
    judged_queries = read_queries(queries)[::every]
    grades = joined(read_judgments(judgments), judged_queries).judgments
    described = {"queries_file": queries.name, "judgments_file": judgments.name, "top_grade": grades.top_grade}
    return Taught(queries=judged_queries, judgments=grades, described=described)


def taught_by(queries: Path | None, judgments: Path | None, clicks: Sequence[Path], *, seed: int) -> Taught:
    """What the files teach: queries and judgments, or click logs alone. Raises InvalidSettings for any other choice,
    and what reading them raises."""
    if clicks and judgments is None and queries is None:
        from multirecall.training.blender.from_clicks import clicked_queries

        found = clicked_queries(clicks, seed=seed)
        return Taught(
            queries=found.queries, judgments=found.judgments, described=found.described, weights=found.weights
        )
    if clicks or judgments is None or queries is None:
        raise InvalidSettings(
            "A blender learns from --queries and --judgments, or from --clicks alone.",
            hint="Give both files (workers: or MULTIRECALL_JUDGED_QUERIES and MULTIRECALL_JUDGMENTS), or click logs. "
            "multirecall clicks makes judgments of clicks that can be mixed.",
            field="clicks" if clicks else "judgments" if judgments is None else "queries",
        )
    return judged_by_files(queries, judgments)


def learned_blender(
    opened: OpenSearcher,
    taught: Taught,
    *,
    growing: Growing,
    n_folds: int,
    relevant_grade: float | None = None,
    on_step: OnStep,
) -> TrainedBlender:
    """A blender from what is taught, over what the open searcher's routes find.

    Blocks for minutes; what `on_step`, or what it gives, raises ends it at once. Raises what training raises.
    """
    # LightGBM takes seconds to import: only those who train pay for it
    from multirecall.training.blender.collecting import collect, count_terms
    from multirecall.training.blender.training import train_blender

    language = opened.index.schema.language
    pools = collect(
        opened.searcher,
        taught.queries,
        taught.judgments,
        weights=taught.weights,
        advance=on_step("asking the routes", len(taught.queries)),
    )
    on_step("counting words", None)
    counted = count_terms(opened.engine.scan(["match_text"], index=opened.index.name))
    return train_blender(
        pools,
        analyse=partial(terms, language=language),
        language=language,
        terms=counted,
        growing=growing,
        n_folds=n_folds,
        relevant_grade=relevant_grade,
        data={
            "index": opened.index.name,
            "schema": opened.index.schema.fingerprint,
            "products": opened.index.count,
            **taught.described,
        },
        advance=on_step("growing trees", 2 * growing.rounds * (n_folds + 1)),
    )
