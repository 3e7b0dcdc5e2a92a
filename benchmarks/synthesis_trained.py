"""Synthetic pairs by a trained rewriter in the place of the look-up teacher, and without the filter on J.

    nice -n 10 python -m benchmarks.synthesis --work /tmp/synthesis --seeds 1 --quick
    nice -n 10 python -m benchmarks.synthesis_trained --work /tmp/synthesis --out benchmarks/results

Needs the shop, the pairs and the arms that the first command leaves in the work folder. The rewriter (recipe `tiny`,
fine-tuned only) learns the concepts of the train split in templates of its own; it rewrites the train split's queries,
whose templates it has not seen. Everything else, judges, caps, encoder, steps and seed, is as there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from benchmarks.measure import write_result
from benchmarks.synthesis import CLICK, STEPS, SYN, compared, judges_of, made_pairs, say, trained_figures, union_tops
from benchmarks.synthesis_bed import SETS, Bed, Floats, make_bed, measure
from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.opening import open_encoder
from multirecall.evaluation.testbed.world import load_world
from multirecall.recall.rewriters.hugging_face import open_hugging_face
from multirecall.recall.rewriters.model import DEFAULT_REWRITES, ModelRewriter
from multirecall.recall.rewriters.prompts import Prompt
from multirecall.search.understand import understand
from multirecall.training.dense.pairs import Pair
from multirecall.training.rewriter.bed_concepts import bed_assortment, bed_concepts
from multirecall.training.rewriter.recipes import open_recipe
from multirecall.training.rewriter.rewards.keeping import KeepJudge
from multirecall.training.rewriter.training import lessons_of, train_rewriter
from multirecall.training.synthesis.curate import curate
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import MIN_INTENT, IntentJudge, kept_rewritings

ARMS = {
    "trained rewriter": (MIN_INTENT, False),
    "trained rewriter, no filter on J": (0.0, False),
    "trained rewriter, J by the judge of its training": (MIN_INTENT, True),
}
"""Least J, and whether J is that of the judge (else the rewriter's own confidence)."""
ONLINE = "trained rewriter online, fused"


class Answers:
    """What the model said to each text, asked together: a rewriter that looks up."""

    is_model = True
    name = "model"

    def __init__(self, model: ModelRewriter, texts: Sequence[str]) -> None:
        self.fingerprint = model.fingerprint
        said = model.rewrite_many([understand(text) for text in texts], Deadline.never())
        self._said = dict(zip(texts, said, strict=True))

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        return self._said[query.text]


def trained_rewriter(bed: Bed, folder: Path, *, seed: int) -> ModelRewriter:
    """The tiny rewriter, fine-tuned on the shop's concepts of the train split; trained once."""
    encoder = open_encoder("static?dim=256", cache_dir=bed.folder / "encoders", threads=1)
    if not folder.exists():
        recipe = open_recipe("tiny")
        recipe = replace(recipe, seed=seed, reinforced=replace(recipe.reinforced, updates=0))
        world = load_world()
        started = time.process_time()
        with bed.engine(open_encoder("static", cache_dir=bed.folder / "encoders", threads=1)) as engine:
            lessons = lessons_of(
                bed.concepts,
                engine,
                recipe,
                held_out=bed_concepts(world, split="test"),
                assortment=bed_assortment(world),
                avoid=frozenset([*(test.text for test in bed.tests), *(need.text for need in bed.judged)]),
            )
            leaked = {need.text for need in lessons.taught} & {need.text for need in bed.tests}
            if leaked:
                raise SystemExit(f"{len(leaked)} test queries are taught, e.g. {min(leaked)!r}.")
            train_rewriter(lessons, engine, encoder, recipe, out=folder)
        say(f"the rewriter took {time.process_time() - started:.0f} s of processor time")
    return ModelRewriter(generator=open_hugging_face(str(folder), prompt=Prompt(n=DEFAULT_REWRITES)))


def intent_judge(bed: Bed, folder: Path) -> IntentJudge:
    """What relevance was rewarded by: learned from the rewriter's own lessons, it has seen no query of this shop."""
    encoder = open_encoder("static?dim=256", cache_dir=bed.folder / "encoders", threads=1)
    judge = KeepJudge.from_tensors(load_file(folder / "keep_judge.safetensors"), encoder)
    return lambda text, said: judge.score([(text, one) for one in said])


def pairs_by(
    bed: Bed, answers: Answers, judge: IntentJudge, arms: Sequence[str], semantic: str
) -> dict[str, dict[str, Any]]:
    """Curated pairs by arm, with their precision and how far the rewritings reach."""
    encoder = open_encoder("static", cache_dir=bed.folder / "encoders", threads=1)
    out: dict[str, dict[str, Any]] = {}
    with bed.engine(encoder) as engine:
        pipeline = StrongPipeline(engine, encoder=encoder)
        judges = judges_of(bed, pipeline, semantic)
        for name in arms:
            least, judged = ARMS[name]
            pairs: list[Pair] = []
            right: list[bool] = []
            rewritten = rewritings = 0
            for need in bed.taught:
                said = kept_rewritings(need.text, answers, judge=judge if judged else None, min_intent=least)
                rewritten, rewritings = rewritten + bool(said), rewritings + len(said)
                found = pipeline.candidates(said)
                b, s = (scorer.score(need.text, found) for scorer in (judges.b, judges.s))
                kept = curate(
                    need.text, need.kind, found, b, s, tau_b=judges.tau_b.value, tau_s=judges.tau_s.value
                ).pairs
                pairs += [Pair(query=one.x, product=one.p) for one in kept]
                right += [one.p in bed.good_of[need.concept] for one in kept]
            out[name] = {
                "pairs": pairs,
                "told": {
                    "queries": len(bed.taught),
                    "rewritten": rewritten,
                    "rewritings": rewritings,
                    "pairs": len(pairs),
                    "queries with pairs": len({pair.query for pair in pairs}),
                    "precision": round(float(np.mean(right)), 4),
                },
            }
            say(f"{name}: {out[name]['told']}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of benchmarks.synthesis")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--queries", type=int, default=2_500)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--semantic", default="static", help="encoder of the general judge")
    parser.add_argument("--arms", nargs="+", choices=tuple(ARMS), default=tuple(ARMS))
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    folder = args.work / f"seed-{args.seed}"
    bed = make_bed(folder, seed=args.seed, products=args.products, queries=args.queries)
    model = trained_rewriter(bed, folder / "rewriter", seed=args.seed)
    texts = [test.text for test in bed.tests]
    answers = Answers(model, list(dict.fromkeys([*(need.text for need in bed.taught), *texts])))
    made = pairs_by(bed, answers, intent_judge(bed, folder / "rewriter"), args.arms, args.semantic)
    figures = {name: measure(np.load(folder / "arms" / f"{name}.npz")["tops"], bed.tests) for name in (CLICK, SYN)}
    for name, arm in made.items():
        out = folder / "encoders-trained" / name
        tops = trained_figures(bed, arm["pairs"], 0.2, seed=args.seed, steps=args.steps, folder=out)
        figures[name] = measure(tops.astype(np.int64), bed.tests)
        say(name)
    spec = f"static:{folder / 'encoders-trained' / CLICK}"
    online = union_tops(bed, spec, lambda text: kept_rewritings(text, answers))
    figures[ONLINE] = measure(online, bed.tests)
    teacher = made_pairs(bed, args.semantic)
    told = {SYN: {**teacher["report"], "precision": teacher["precision"]["kept, all"]}}
    write_result(
        "synthesis-trained",
        {"pairs": told | {name: arm["told"] for name, arm in made.items()}, "sets": _told(bed, figures)},
        args.out,
    )


def _told(bed: Bed, figures: Mapping[str, Mapping[str, Floats]]) -> dict[str, Any]:
    """Item good rate @10 in points by set and arm, with the differences from clicks alone and from the teacher."""
    measured = "item good rate @10"
    out: dict[str, Any] = {}
    for of in SETS:
        mask = np.array([test.of == of for test in bed.tests])
        groups = [test.group for test, yes in zip(bed.tests, mask, strict=True) if yes]
        out[of] = {"queries": int(mask.sum())} | {
            name: {
                "mean": round(100 * float(values[measured][mask].mean()), 2),
                "against clicks": compared(values[measured][mask], figures[CLICK][measured][mask], groups),
                "against teacher": compared(values[measured][mask], figures[SYN][measured][mask], groups),
            }
            for name, values in figures.items()
        }
    return out


if __name__ == "__main__":
    main()
