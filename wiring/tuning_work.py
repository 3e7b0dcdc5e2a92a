"""What the steps of a tuning do: pairs, encoder and blender, and the runs that show what each is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidSettings
from multirecall.core.rewriting import Rewriting
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.runs import RunWriter, read_run
from multirecall.recall.rewriters.knowledge import built_in_concepts, load_concepts
from multirecall.training.blender.growing import Growing
from multirecall.training.synthesis.labelling import learned_judges
from multirecall.training.synthesis.mine import queries_of_concepts
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import Teacher
from multirecall.training.synthesis.scorers import Example, MeaningScore
from multirecall.training.synthesis.synthesizing import Synthesis, synthesize
from multirecall.training.tuning.queries import TRAIN
from multirecall.training.tuning.steps import OnStep
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.gate import ask
from multirecall.wiring.learning import Taught, learned_blender
from multirecall.wiring.routes import open_routes
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings
from multirecall.wiring.tuning_queries import FULL_GRADE, read_made
from multirecall.wiring.tuning_settings import TuneOptions

__all__ = [
    "TIMEOUT_S",
    "blended",
    "made_pairs",
    "read_runs",
    "run_of",
    "write_run",
]

TIMEOUT_S = 30.0
"""Of a search that is compared: what counts is what it finds."""

_DEPTH = 100


def write_run(run: Mapping[str, Sequence[str]], out: Path, name: str) -> str:
    """Keeps a run as `runs/NAME.trec` and returns the file's name in the folder."""
    file = out / "runs" / f"{name}.trec"
    file.parent.mkdir(parents=True, exist_ok=True)
    with RunWriter(file, name) as writer:
        for qid, ids in run.items():
            writer.write(qid, ((one, float(len(ids) - at)) for at, one in enumerate(ids)))
    return str(file.relative_to(out))


def run_of(
    settings: Settings, url: str, queries: Sequence[JudgedQuery], out: Path, name: str, on_step: OnStep
) -> dict[str, Any]:
    """Answers the queries as the settings say and keeps the run. A query that routes did not answer is named."""
    run: dict[str, tuple[str, ...]] = {}
    incomplete: dict[str, str] = {}
    with opened_searcher(settings, engine_url=url, timeout_s=TIMEOUT_S) as opened:
        advance = on_step(f"searching: {name}", len(queries))
        for query in queries:
            run[query.qid], missing = ask(opened.searcher, query.text, _DEPTH, TIMEOUT_S)
            if missing:
                incomplete[query.qid] = missing
            advance()
        notes = list(opened.notes)
    return {"run": write_run(run, out, name), "incomplete": incomplete, "notes": notes}


def made_pairs(settings: Settings, url: str, options: TuneOptions, out: Path, on_step: OnStep) -> dict[str, Any]:
    """Synthetic pairs of needs and products: queries made of knowledge, products that two judges accept.

    The judges learn from the made training queries, whose answers are known. Goes on where it was interrupted.
    """
    concepts = (*built_in_concepts(), *(load_concepts(settings.knowledge) if settings.knowledge else ()))
    queries = sorted(queries_of_concepts(concepts), key=lambda one: one.text)
    if len(queries) > options.pair_queries:  # every n-th by its text: all kinds and concepts have their share
        queries = [queries[at * len(queries) // options.pair_queries] for at in range(options.pair_queries)]
    made = read_made(out, TRAIN)
    with opened_engine(settings, url) as engine:
        index = engine.info()
        routes = open_routes(settings, index, ("lexical", "dense"), engine=engine, k=_DEPTH, may_leave_out=True)
        encoder = next(iter(routes.encoders.values()))
        pipeline = StrongPipeline(
            engine, encoder=encoder, vector_field=next(iter(routes.encoders)), k=_DEPTH, index=index.name
        )
        labelled: list[Example] = []
        advance = on_step("labelling by made queries", len(made.queries))
        for query in made.queries:
            grades = made.judgments.of(query.qid)
            found = pipeline.candidates((Rewriting(text=query.text, by="catalogue", confidence=1.0),))
            labelled += [
                Example(query=query.text, candidate=one, good=grades.get(one.id, 0.0) >= FULL_GRADE) for one in found
            ]
            advance()
        on_step("teaching the judges", None)
        judges = learned_judges(labelled, MeaningScore(encoder), language=index.schema.language, seed=options.seed)
        report = synthesize(
            queries,
            Synthesis(
                rewriter=Teacher(concepts, {query.text: query.why for query in queries}),
                pipeline=pipeline,
                judges=judges,
            ),
            out / "pairs",
            on_query=on_step("making pairs", len(queries)),
        )
    return {name: value for name, value in report.to_dict().items() if name not in ("known", "counts")}


def blended(
    settings: Settings,
    url: str,
    options: TuneOptions,
    taught: Taught | None,
    queries: Sequence[JudgedQuery],
    out: Path,
    on_step: OnStep,
) -> dict[str, Any]:
    """A blender of the judgments, its run from cross-validation; or of the made training queries, its run over those
    held out."""
    from multirecall.training.blender.cross_validation import blended_run
    from multirecall.training.blender.storing import check_target, save_blender

    folder = (out / "blender").absolute()
    check_target(folder)
    made = read_made(out, TRAIN)
    source = taught or Taught(
        queries=made.queries, judgments=made.judgments, described={"made": "generated from the catalogue"}
    )
    with opened_searcher(
        settings, engine_url=url, fusion="weighted_sum", timeout_s=TIMEOUT_S, use_policy=False, rewritings=True
    ) as opened:
        trained = learned_blender(
            opened,
            source,
            growing=replace(Growing(), rounds=options.rounds),
            n_folds=5 if taught is not None else 2,
            relevant_grade=None if taught is not None else FULL_GRADE,
            on_step=on_step,
        )
    save_blender(trained.model, folder)
    found = {"folder": str(folder), "trees": trained.model.booster.num_trees(), "queries": len(source.queries)}
    if taught is not None:
        return {**found, "run": write_run(blended_run(trained.scored), out, "blender"), "incomplete": {}}
    using = settings.model_copy(update={"fusion": f"blender:{folder}"})
    asked = run_of(using, url, queries, out, "blender", on_step)
    if asked["notes"] and any("stands in" in note for note in asked["notes"]):
        raise InvalidSettings(asked["notes"][0], field="fusion")
    return {**found, **asked}


def read_runs(out: Path, file: str) -> dict[str, tuple[str, ...]]:
    """A run that a step kept."""
    return read_run(out / file)
