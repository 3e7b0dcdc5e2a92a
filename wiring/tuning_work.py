"""What the steps of a tuning do: pairs, encoder and blender, and the runs that show what each is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidSettings
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.fingerprint import fingerprint
from multirecall.engines.base import Engine, IndexInfo
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.runs import RunWriter, read_run
from multirecall.indexer.applying import product_of_record
from multirecall.indexer.copying import COPIED_FIELDS, mapping_of
from multirecall.recall.rewriters.knowledge import built_in_concepts, load_concepts
from multirecall.training.blender.growing import Growing
from multirecall.training.dense.pairs import Pair
from multirecall.training.synthesis.labelling import learned_judges
from multirecall.training.synthesis.mine import queries_of_concepts
from multirecall.training.synthesis.records import read_pairs, training_pairs
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import Teacher
from multirecall.training.synthesis.scorers import Example, MeaningScore
from multirecall.training.synthesis.synthesizing import PAIRS_FILE, Synthesis, synthesize
from multirecall.training.tuning.queries import HELD_OUT, TRAIN
from multirecall.training.tuning.sample_index import copy_sample
from multirecall.training.tuning.steps import OnStep
from multirecall.wiring.engines import opened_encoder, opened_engine
from multirecall.wiring.gate import ask
from multirecall.wiring.learning import Taught, learned_blender
from multirecall.wiring.routes import open_routes
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings
from multirecall.wiring.tuning_queries import FULL_GRADE, Made, read_made, read_sample
from multirecall.wiring.tuning_settings import TuneOptions

__all__ = [
    "TIMEOUT_S",
    "blended",
    "made_pairs",
    "read_runs",
    "run_of",
    "tower_kind",
    "training_size",
    "tried_encoder",
    "tuned_encoder",
    "write_run",
]

TIMEOUT_S = 30.0
"""Of a search that is compared: what counts is what it finds."""

_DEPTH = 100
_PER_QUERY = 5  # products of a made query that become pairs


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
        routes = open_routes(settings, index, ("lexical", "dense"), k=_DEPTH, may_leave_out=True)
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


def tower_kind(spec: str, wanted: str) -> str:
    """`static` or `transformer`: what is trained for an index of that encoder."""
    if wanted != "auto":
        return wanted
    return "transformer" if spec.partition("?")[0].partition(":")[0] in ("onnx", "sentence_transformer") else "static"


def training_size(kind: str, options: TuneOptions) -> tuple[int, int]:
    """(steps, pairs in each) of a training: a transformer costs a hundred times as much for a pair."""
    steps, batch = (150, 32) if kind == "transformer" else (300, 128)
    return options.steps or steps, options.batch or batch


def tuned_encoder(
    settings: Settings, url: str, options: TuneOptions, out: Path, results: Mapping[str, Any], on_step: OnStep
) -> dict[str, Any]:
    """The encoder trained on the pairs; goes on where it was interrupted. Raises MissingExtra without torch."""
    from multirecall.training.dense.training import DenseSettings, train_tower, write_encoder

    with opened_engine(settings, url) as engine:
        index = engine.info()
        spec = index.schema.vectors[0].encoder if index.schema.vectors else "none"
        kind = tower_kind(spec, options.tower)
        sources = {"click": _pairs_of(read_made(out, TRAIN))}
        if "pairs" in results and results["pairs"]["pairs"]:
            sources["syn"] = training_pairs(read_pairs(out / "pairs" / PAIRS_FILE))
        texts = _texts(engine, index, sorted({pair.product for pairs in sources.values() for pair in pairs}))
    sources = {name: [pair for pair in pairs if pair.product in texts] for name, pairs in sources.items()}
    tower = _tower(kind, spec)
    steps, batch = training_size(kind, options)
    shares = {name: share for name, share in DenseSettings().shares.items() if sources.get(name)}
    advance = on_step(f"training the {kind} encoder", steps)
    trained = train_tower(
        tower,
        sources,
        texts,
        DenseSettings(steps=steps, batch=batch, shares=shares, seed=options.seed, checkpoint_every=10),
        checkpoint=out / "encoder.part",
        on_step=lambda done, total: advance(),
    )
    return {
        "spec": write_encoder(tower, trained.card, (out / "encoder").absolute()),
        "kind": kind,
        "pairs": {name: len(pairs) for name, pairs in sources.items()},
        "steps": steps,
        "loss": trained.card["loss"],
        "training": trained.card["training"],
    }


def tried_encoder(
    settings: Settings,
    url: str,
    options: TuneOptions,
    taught: Taught | None,
    queries: Sequence[JudgedQuery],
    out: Path,
    encoder: Mapping[str, Any],
    on_step: OnStep,
) -> dict[str, Any]:
    """What searching by the trained encoder finds in a sample of the catalogue, and by today's vectors in the same.

    The sample holds every judged product, and others up to its size. An index of it that is whole is used again.
    """
    runs = {}
    with opened_engine(settings, url) as engine:
        index = engine.info()
        ids = _sample_ids(engine, index, taught.judgments if taught is not None else None, queries, options, out)
        of = fingerprint({"index": index.name, "ids": ids})
        for name, spec, mark in (("sample", "", of), ("encoder", encoder["spec"], f"{encoder['training']}-{of}")):
            sample_url = f"embedded:{out.absolute() / 'indexes' / f'{name}-{mark}'}"
            with opened_engine(settings, sample_url, create=True) as target:
                advance = on_step(f"indexing: {name}", len(ids))
                made_by = opened_encoder(settings, spec) if spec else None
                copy_sample(engine, index, ids, target, encoder=made_by, advance=advance)
            runs[name] = run_of(settings, sample_url, queries, out, name, on_step)
    return {"sample": len(ids), "products": index.count, "runs": runs}


def _tower(kind: str, spec: str) -> Any:
    from multirecall.training.dense.base import require_torch

    require_torch()
    model = spec.partition("?")[0].partition(":")[2]
    if kind == "transformer":
        from multirecall.training.dense.transformer_tower import TransformerTower

        return TransformerTower(model)
    from multirecall.encoders.locating import model_folder
    from multirecall.encoders.static import static_files
    from multirecall.training.dense.static_tower import StaticTower

    own = spec.startswith("static:") and model
    return StaticTower(static_files(model_folder(model)) if own else None)


def _pairs_of(made: Made) -> list[Pair]:
    """A made query with the products that answer it, the one that it was made of and few others."""
    pairs = []
    for query in made.queries:
        full = [one for one, grade in made.judgments.of(query.qid).items() if grade > FULL_GRADE]
        pairs += [Pair(query=query.text, product=one) for one in full[:_PER_QUERY]]
    return pairs


def _texts(engine: Engine, index: IndexInfo, ids: Sequence[str]) -> dict[str, str]:
    """What the index's encoder reads of the products, those that are gone left out."""
    template = mapping_of(index).template
    found: dict[str, str] = {}
    for start in range(0, len(ids), 500):
        for record in engine.fetch(ids[start : start + 500], COPIED_FIELDS, index=index.name):
            if record is not None:
                found[str(record["id"])] = template(product_of_record(record))
    return found


def _sample_ids(
    engine: Engine,
    index: IndexInfo,
    judgments: Judgments | None,
    queries: Sequence[JudgedQuery],
    options: TuneOptions,
    out: Path,
) -> list[str]:
    """All judged products of the queries, and of the sample as many others as there is room for."""
    known = judgments or read_made(out, HELD_OUT).judgments
    judged = sorted({one for query in queries for one in known.of(query.qid)})
    there = [
        id_
        for start in range(0, len(judged), 500)
        for id_, record in zip(
            judged[start : start + 500],
            engine.fetch(judged[start : start + 500], ("id",), index=index.name),
            strict=True,
        )
        if record is not None
    ]
    others = [one.id for one in read_sample(out) if one.id not in set(there)]
    return sorted([*there, *others[: max(0, options.sample - len(there))]])


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
