"""`multirecall tune`: the whole chain from a catalogue to a proposal, as steps that can be skipped and resumed."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any

import orjson

from multirecall.core.errors import MissingExtra
from multirecall.encoders.storing import write_atomically
from multirecall.engines.base import IndexInfo
from multirecall.evaluation.queries import JudgedQuery
from multirecall.recall.rewriters.building import build_rewriters
from multirecall.training.dense.base import require_torch
from multirecall.training.tuning.deciding import Arm, Compared, Learned, Verdict, compare_arms, decide
from multirecall.training.tuning.proposal import Change, proposal
from multirecall.training.tuning.queries import HELD_OUT
from multirecall.training.tuning.steps import OnStep, Result, Step
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.learning import Taught
from multirecall.wiring.settings import Settings
from multirecall.wiring.tuning_encoder import tried_encoder, tuned_encoder
from multirecall.wiring.tuning_estimates import estimates, measured_rates
from multirecall.wiring.tuning_queries import FULL_GRADE, deciding, made_queries, read_catalogue, read_made
from multirecall.wiring.tuning_settings import TuneOptions, with_rewrite
from multirecall.wiring.tuning_work import blended, made_pairs, read_runs, run_of

__all__ = ["ENV_FILE", "STEPS", "tuning_steps"]

STEPS = ("read", "queries", "rewriters", "pairs", "encoder", "trial", "blender", "compare", "proposal")

ENV_FILE = "multirecall.env"
_COMPARISON = "comparison.json"
Results = Mapping[str, Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shop:
    """What all steps know."""

    settings: Settings
    url: str
    options: TuneOptions
    out: Path
    index: IndexInfo
    taught: Taught | None
    shown_url: str
    """For commands that are shown: without a password; empty if the settings say it."""

    @property
    def rewriting(self) -> Settings:
        """With the route `rewrite` by the folder that this tuning builds."""
        return with_rewrite(self.settings, self.out / "rewriters")

    def best(self, results: Results) -> Settings:
        """What the blender learns over: with the rewriters if they were built."""
        return self.rewriting if "rewriters" in results else self.settings

    def queries(self) -> tuple[JudgedQuery, ...]:
        """Those that decide: the user's, or the made ones that were held out."""
        return tuple(self.taught.queries) if self.taught else read_made(self.out, HELD_OUT).queries


def tuning_steps(settings: Settings, options: TuneOptions, out: Path, *, engine_url: str | None = None) -> list[Step]:
    """The steps for the live index, with estimates for this machine. Looks at the index and at the judgments.

    Raises NotFound without an index, what reading the judgments raises, and InvalidInput if they do not fit the index.
    """
    url = engine_url or settings.engine
    with opened_engine(settings, url) as engine:
        index = engine.info()
        taught = deciding(options, engine, index)
        rates = measured_rates(settings, url, engine, index)
        shown_url = engine.url if engine_url else ""
    shop = _Shop(settings=settings, url=url, options=options, out=out, index=index, taught=taught, shown_url=shown_url)
    took = estimates(rates, options, products=index.count, judged=len(taught.queries) if taught else 0)
    today = {"index": _index_mark(index), "settings": _settings_mark(settings)}
    judged = _files_mark(options)
    no_torch = _torch_missing()
    no_vectors = "" if index.schema.vectors else "the index has no vectors"
    made = {"queries": options.queries, "seed": options.seed}

    def step(name: str, description: str, run: Callable[[Results, OnStep], Result], **more: Any) -> Step:
        return Step(name=name, description=description, run=run, estimate_s=took[name], **more)

    return [
        step("read", "read the catalogue", partial(_read, shop), inputs={**today, "sample": options.sample, **made}),
        step("queries", "make queries of products, and grade them", partial(_make, shop), inputs=made, needs=("read",)),
        step("rewriters", "learn the catalogue's words", partial(_rewriters, shop), needs=("read",)),
        step(
            "pairs", "find products for needs that name none", partial(_pairs, shop), needs=("queries",),
            inputs={"n": options.pair_queries}, unavailable=no_vectors,
        ),
        step(
            "encoder", "train an encoder on grades and pairs", partial(_encoder, shop), needs=("queries",),
            uses=("pairs",), unavailable=no_torch,
            inputs={"base": options.base, "epochs": options.epochs, "judged": judged},
        ),
        step(
            "trial", "index a sample with it and ask the queries that decide", partial(_trial, shop),
            needs=("queries", "encoder"), inputs={"judged": judged},
        ),
        step(
            "blender", "learn to weigh the routes", partial(_blender, shop), needs=("queries",), uses=("rewriters",),
            inputs={"rounds": options.rounds, "judged": judged},
        ),
        step(
            "compare", "answer the queries that decide, each way", partial(_compare, shop), needs=("queries",),
            uses=("rewriters", "trial", "blender"), inputs={"judged": judged},
        ),
        step("proposal", "write the settings that won", partial(_propose, shop), needs=("compare",),
             uses=("rewriters", "encoder", "blender")),
    ]  # fmt: skip


def _read(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    with opened_engine(shop.settings, shop.url) as engine:
        return read_catalogue(engine, shop.index, shop.options, shop.out, on_step)


def _make(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    with opened_engine(shop.settings, shop.url) as engine:
        return made_queries(engine, shop.index, shop.options, shop.out, on_step)


def _rewriters(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    """From the catalogue alone: synonyms mined of the judgments would be measured by the very same."""
    on_step("learning words, brands and part numbers", None)
    with opened_engine(shop.settings, shop.url) as engine:
        built = build_rewriters(engine, shop.out / "rewriters", index=shop.index.name)
    return asdict(built)


def _pairs(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    return made_pairs(shop.settings, shop.url, shop.options, shop.out, on_step)


def _encoder(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    return tuned_encoder(shop.settings, shop.url, shop.options, shop.taught, shop.out, results, on_step)


def _trial(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    return tried_encoder(
        shop.settings, shop.url, shop.options, shop.taught, shop.queries(), shop.out, results["encoder"], on_step
    )


def _blender(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    return blended(shop.best(results), shop.url, shop.options, shop.taught, shop.queries(), shop.out, on_step)


def _compare(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    queries = shop.queries()
    runs: dict[str, Result] = {"today": run_of(shop.settings, shop.url, queries, shop.out, "today", on_step)}
    if "rewriters" in results:
        runs["rewrite"] = run_of(shop.rewriting, shop.url, queries, shop.out, "rewrite", on_step)
    if "blender" in results:
        runs["blender"] = results["blender"]
    if "trial" in results:
        runs.update(results["trial"]["runs"])
    incomplete = {qid for run in runs.values() for qid in run["incomplete"]}
    asked = [query for query in queries if query.qid not in incomplete]
    learned = Learned.GENERATED if shop.taught is None else Learned.JUDGMENTS
    arms = _arms({name: read_runs(shop.out, run["run"]) for name, run in runs.items()}, learned)
    on_step("testing differences", None)
    judgments = shop.taught.judgments if shop.taught else read_made(shop.out, HELD_OUT).judgments
    relevant = max(1.0, ceil(judgments.top_grade / 2)) if shop.taught else FULL_GRADE
    rows = compare_arms(arms, asked, judgments, relevant_grade=relevant)
    verdicts = _verdicts(arms, rows)
    found = {
        "evidence": shop.options.evidence,
        "generated": shop.taught is None,
        "queries": len(asked),
        "incomplete": sorted(incomplete),
        "rows": [row.to_dict() for row in rows],
        "verdicts": [verdict.to_dict() for verdict in verdicts],
        "notes": list(dict.fromkeys(note for run in runs.values() for note in run.get("notes", ()))),
    }
    write_atomically(shop.out / _COMPARISON, orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return found


def _arms(runs: Mapping[str, Any], learned: Learned) -> list[Arm]:
    """Each change beside what it changes. The blender must beat the route that it stands on as well."""

    def arm(name: str, against: str, of: Learned) -> Arm:
        return Arm(name=name, run=runs[name], against=against, baseline=runs[against], learned=of)

    found = []
    if "rewrite" in runs:
        found.append(arm("rewrite", "today", Learned.CATALOGUE))
    if "encoder" in runs:
        # judgments were pooled from what today's search finds: over judged products alone both are judged alike
        found.append(replace(arm("encoder", "sample", learned), condensed=learned is Learned.JUDGMENTS))
    if "blender" in runs:
        found += [arm("blender", name, learned) for name in ("today", "rewrite") if name in runs]
    return found


def _verdicts(arms: list[Arm], rows: list[Compared]) -> list[Verdict]:
    """One for each change: of several comparisons the first that speaks against it."""
    found: dict[str, Verdict] = {}
    for arm in arms:
        verdict = decide(arm, rows)
        if arm.name not in found or (found[arm.name].proposed and not verdict.proposed):
            found[arm.name] = verdict
    return list(found.values())


def _propose(shop: _Shop, results: Results, on_step: OnStep) -> Result:
    verdicts = [Verdict(**row) for row in results["compare"]["verdicts"]]
    changes = []
    if "rewriters" in results:
        changes.append(
            Change(arm="rewrite", settings=_as_variables(shop.rewriting, "routes", "fusion", "rewriter_dir"))
        )
    if "encoder" in results:
        spec = results["encoder"]["spec"]
        engine = ["--engine", shop.shown_url] if shop.shown_url else []
        changes.append(
            Change(
                arm="encoder",
                settings={"MULTIRECALL_ENCODER": spec},
                command=shlex.join(["multirecall", "rebuild", *engine, "--encoder", spec]),
            )
        )
    if "blender" in results:
        values = _as_variables(shop.best(results), "routes", "rewriter_dir")
        values["MULTIRECALL_FUSION"] = f"blender:{results['blender']['folder']}"
        changes.append(Change(arm="blender", settings=values))
    found = proposal(
        changes, verdicts, evidence=f"{results['compare']['evidence']}, {results['compare']['queries']} queries"
    )
    write_atomically(shop.out / ENV_FILE, found.text.encode())
    return {"file": str(shop.out / ENV_FILE), **asdict(found)}


def _as_variables(settings: Settings, *names: str) -> dict[str, str]:
    values = {name: getattr(settings, name) for name in names}
    return {f"MULTIRECALL_{name.upper()}": str(value) for name, value in values.items() if value is not None}


def _index_mark(index: IndexInfo) -> list[Any]:
    return [index.name, index.count, index.schema.fingerprint, str(index.schema.metadata.get("build", ""))]


def _settings_mark(settings: Settings) -> dict[str, str]:
    """What changes the order of results."""
    names = ("routes", "fusion", "candidates", "rewriters", "rewriter_dir", "synonyms", "knowledge", "route_policy",
             "rewrite_merge", "rewrite_feedback", "rewrite_second", "rewrite_model", "rewrite_n")  # fmt: skip
    return {name: str(getattr(settings, name)) for name in names}


def _files_mark(options: TuneOptions) -> list[str]:
    return [
        sha256(file.read_bytes()).hexdigest() if file is not None else ""
        for file in (options.judged_queries, options.judgments)
    ]


def _torch_missing() -> str:
    try:
        require_torch()
    except MissingExtra as error:
        return f"{error.message} {error.hint}"
    return ""
