"""Synthesis at work: tail queries, rewriters and judges by the settings, on the live index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, IndexInfo
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.recall.rewriters.knowledge import built_in_concepts, load_concepts
from multirecall.recall.rewriting import Rewriter
from multirecall.training.clicks.reading import read_click_log
from multirecall.training.synthesis.curate import Caps
from multirecall.training.synthesis.labelling import Judges, labelled_by_catalogue, labelled_by_grades, learned_judges
from multirecall.training.synthesis.mine import MinedQuery, queries_of_concepts, queries_of_log, query_type
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import MIN_INTENT, Teacher
from multirecall.training.synthesis.scorers import CrossEncoderScore, Example, MeaningScore, Scorer
from multirecall.training.synthesis.synthesizing import Synthesis, SynthesisReport, synthesize
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.learning import OnStep
from multirecall.wiring.rewriters import opened_rewriters
from multirecall.wiring.routes import open_routes
from multirecall.wiring.settings import Settings

__all__ = ["SynthesisSources", "synthesized"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisSources:
    """Where queries and labels come from.

    Queries: of click logs (their tail), of a file (all of them), or else made of the concepts. Labels: judged queries
    and judgments, or else the catalogue itself; `complete` says that the judgments name every good product.
    `cross_encoder` names the general judge; without one it is the encoder of the index.
    """

    clicks: Sequence[Path] = ()
    queries: Path | None = None
    judged_queries: Path | None = None
    judgments: Path | None = None
    complete: bool = False
    cross_encoder: str = ""
    precision: float = 0.9
    min_intent: float = MIN_INTENT
    k: int = 100
    caps: Caps = field(default_factory=Caps)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.clicks and self.queries is not None:
            raise InvalidSettings("Queries come from --clicks or from --queries.", field="queries")
        if (self.judged_queries is None) != (self.judgments is None):
            raise InvalidSettings(
                "Labels need judged queries and their judgments.",
                hint="Give both --judged-queries and --judgments, or neither.",
                field="judgments",
            )


def synthesized(
    settings: Settings,
    sources: SynthesisSources,
    out: Path,
    *,
    engine_url: str | None = None,
    on_step: OnStep,
) -> SynthesisReport:
    """Makes the pairs in the folder `out`; blocks until done. What `on_step`, or what it gives, raises ends it, and the
    next call goes on from there. Raises what reading the files, the engine, encoders and rewriters raise."""
    with opened_engine(settings, engine_url) as engine:
        index = engine.info()
        routes = open_routes(settings, index, ("lexical", "dense"), engine=engine, k=sources.k, may_leave_out=True)
        encoder = next(iter(routes.encoders.values()), None)
        pipeline = StrongPipeline(engine, encoder=encoder, k=sources.k, index=index.name)
        on_step("looking for queries", None)
        queries, rewriter = _queries(settings, sources, engine, index, encoder)
        judges = _judges(sources, engine, index, rewriter, pipeline, _semantic(sources, encoder), on_step)
        return synthesize(
            queries,
            Synthesis(
                rewriter=rewriter, pipeline=pipeline, judges=judges, min_intent=sources.min_intent, caps=sources.caps
            ),
            out,
            on_query=on_step("making pairs", len(queries)),
        )


def _queries(
    settings: Settings, sources: SynthesisSources, engine: Engine, index: IndexInfo, encoder: Encoder | None
) -> tuple[list[MinedQuery], Rewriter]:
    if sources.clicks:
        log = read_click_log(sources.clicks)
        found = queries_of_log(log, engine, encoder=encoder, index=index.name)
    elif sources.queries is not None:
        texts = dict.fromkeys(query.text for query in read_queries(sources.queries))
        found = [MinedQuery(text=text, type=query_type(text), why=sources.queries.name) for text in texts]
    else:
        concepts = (*built_in_concepts(), *(load_concepts(settings.knowledge) if settings.knowledge else ()))
        found = list(queries_of_concepts(concepts))
        return found, Teacher(concepts, {query.text: query.why for query in found})
    return found, opened_rewriters(settings, language=index.schema.language)


def _semantic(sources: SynthesisSources, encoder: Encoder | None) -> Scorer:
    if sources.cross_encoder:
        return CrossEncoderScore(sources.cross_encoder)
    if encoder is None:
        raise InvalidSettings(
            "The index has no vectors, so there is no second judge.",
            hint="Index with an encoder, or name a --cross-encoder.",
            field="cross_encoder",
        )
    return MeaningScore(encoder)


def _judges(
    sources: SynthesisSources,
    engine: Engine,
    index: IndexInfo,
    rewriter: Rewriter,
    pipeline: StrongPipeline,
    s: Scorer,
    on_step: OnStep,
) -> Judges:
    examples: list[Example]
    if sources.judged_queries is not None and sources.judgments is not None:
        grades = _grades(sources.judged_queries, sources.judgments)
        examples = labelled_by_grades(
            grades,
            rewriter,
            pipeline,
            complete=sources.complete,
            min_intent=sources.min_intent,
            on_query=on_step("looking at judged queries", len(grades)),
        )
    else:
        on_step("labelling by the catalogue", None)
        examples = labelled_by_catalogue(engine, pipeline, seed=sources.seed, index=index.name)
    on_step("teaching the judges", None)
    return learned_judges(examples, s, language=index.schema.language, precision=sources.precision, seed=sources.seed)


def _grades(queries: Path, judgments: Path) -> Mapping[str, Mapping[str, float]]:
    """Grades by the query's text."""
    judged = read_judgments(judgments).grades
    return {query.text: judged[query.qid] for query in read_queries(queries) if query.qid in judged}
