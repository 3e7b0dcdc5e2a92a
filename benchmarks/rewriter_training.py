"""Does training the rewriter do what it should? On the generated shop, against a judge that knows the truth.

    python -m benchmarks.rewriter_training --out runs [--seeds 1 2 3] [--arms "rl; no diversity"]
    python -m benchmarks.rewriter_training --table runs/*.json [--plot curves.png]    # the tables of the report

Nothing is learned from concepts, wordings or templates of the tests: bed templates are used for testing alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.rewriter_tables import EACH, SETS, plot, tables
from multirecall.encoders.opening import open_encoder
from multirecall.engines.opening import open_engine
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.population import draw_population
from multirecall.evaluation.testbed.world import load_world, read_table
from multirecall.indexer.build import build
from multirecall.indexer.mapping import read_mapping
from multirecall.indexer.sources import Catalogue
from multirecall.training.generation.progress import Progress
from multirecall.training.rewriter.bed_concepts import bed_assortment, bed_concepts
from multirecall.training.rewriter.bed_judge import BedJudge, bed_meanings
from multirecall.training.rewriter.data import Need, concept_needs, examples
from multirecall.training.rewriter.grpo import reinforce
from multirecall.training.rewriter.measuring import Listed, averaged, generate_lists
from multirecall.training.rewriter.recipes import Recipe, RewardWeights, open_recipe
from multirecall.training.rewriter.rewards.combining import Reward
from multirecall.training.rewriter.sft import fine_tune
from multirecall.training.rewriter.templates import HELD_OUT_TEMPLATES
from multirecall.training.rewriter.training import Lessons, lessons_of, made_rewards, new_policy, taught_examples

BED_SEED = 7
ABLATIONS: dict[str, dict[str, float]] = {
    "no relevance": {"relevance": 0.0},
    "no alignment": {"alignment": 0.0},
    "no diversity": {"diversity": 0.0},
    "sheet weights": asdict(RewardWeights()),
    "no practice": {},  # asked in fine-tuning's own sentences alone
    "list credit": {},  # all texts of a list share one advantage
    "literal": {},  # the method's own formula: repeats and texts that find nothing count
}
LISTS = "lists for practice"  # no reinforcement: the sentences of practice with lists, in as many steps of fine-tuning
OTHERS = ("untaught", LISTS)  # untaught: a pretrained model as it comes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--queries", type=int, default=200, help="held-out queries per set")
    parser.add_argument("--sft-steps", type=int)
    parser.add_argument("--batch", type=int, help="lists per step of fine-tuning")
    parser.add_argument("--updates", type=int)
    parser.add_argument("--also", type=int, nargs="*", default=[], help="updates after which to measure as well")
    parser.add_argument("--arms", default="rl", help=f"with semicolons: rl; {'; '.join([*ABLATIONS, *OTHERS])}")
    parser.add_argument("--validation", action="store_true", help="measure on the dev templates and concepts instead")
    parser.add_argument("--out", type=Path, help="folder for results and weights, which are used again")
    parser.add_argument("--table", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    if args.table:
        runs = [json.loads(path.read_text()) for path in sorted(args.table)]
        print(tables(runs))
        if args.plot:
            plot(runs, args.plot)
        return
    recipe = open_recipe(args.recipe)
    if args.sft_steps:
        taught = replace(
            recipe.supervised, steps=args.sft_steps, warmup=min(recipe.supervised.warmup, args.sft_steps // 5)
        )
        recipe = replace(recipe, supervised=taught)
    if args.batch:
        recipe = replace(recipe, supervised=replace(recipe.supervised, batch=args.batch))
    if args.updates is not None:
        recipe = replace(recipe, reinforced=replace(recipe.reinforced, updates=args.updates))
    args.out.mkdir(parents=True, exist_ok=True)
    arms = [arm.strip() for arm in args.arms.split(";")]
    if unknown := [arm for arm in arms if arm not in ("rl", *OTHERS, *ABLATIONS)]:
        parser.error(f"--arms knows rl, {', '.join([*ABLATIONS, *OTHERS])}; not {', '.join(unknown)}")
    reports = []
    for seed in args.seeds:
        name = f"{seed}{'-dev' if args.validation else ''}-{'+'.join(arms).replace(' ', '_')}.json"
        report = run_seed(
            replace(recipe, seed=seed),
            products=args.products,
            queries=args.queries,
            arms=arms,
            tuned_file=args.out / f"sft-{seed}.safetensors",
            split="dev" if args.validation else "test",
            also=args.also,
            keep=lambda report, name=name: (args.out / name).write_text(json.dumps(report) + "\n"),
        )
        reports.append(report)
    print(tables(reports))


def run_seed(
    recipe: Recipe,
    *,
    products: int,
    queries: int,
    arms: Sequence[str],
    tuned_file: Path | None,
    split: str,
    also: Sequence[int],
    keep: Callable[[dict[str, Any]], object],
) -> dict[str, Any]:
    """One seed's report, handed to `keep` after every arm."""
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    torch.set_num_threads(1)
    world = load_world()
    encoder = open_encoder("static?dim=256", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        bed = Path(folder)
        write_sample(bed, products=products, seed=BED_SEED)
        with open_engine(f"embedded:{bed / 'index'}", create=True) as engine:
            build(
                engine,
                Catalogue([bed / "catalogue.jsonl"]),
                encoders={},
                mapping=read_mapping(bed / "multirecall.toml"),
            )
            lessons = lessons_of(
                bed_concepts(world, split="train"),
                engine,
                recipe,
                held_out=bed_concepts(world, split="test"),
                assortment=bed_assortment(world),
                avoid=frozenset(text for split, text in _bed_queries(bed) if split != "train"),
            )
            judge = BedJudge(Grader(draw_population(world, products=products, seed=BED_SEED)), world)
            meanings = bed_meanings(world)

            def is_right(need: Need, text: str) -> bool:
                return judge.right(text, meanings[need.concept])

            tests = _tests(lessons, queries, split)
            return _run(recipe, lessons, engine, encoder, tests, is_right, arms, tuned_file, also, keep)


def _run(
    recipe: Recipe,
    lessons: Lessons,
    engine: Any,
    encoder: Any,
    tests: dict[str, list[Need]],
    is_right: Callable[[Need, str], bool],
    wanted: Sequence[str],
    tuned_file: Path | None,
    also: Sequence[int],
    keep: Callable[[dict[str, Any]], object],
) -> dict[str, Any]:
    from safetensors.torch import load_file, save_file

    started = time.process_time()
    spent: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal started
        spent[name] = round(time.process_time() - started, 1)
        started = time.process_time()
        print(f"{name}: {spent[name]} s of CPU", flush=True)

    taught = taught_examples(lessons, engine, recipe)
    policy = new_policy(recipe, lessons, taught)
    if tuned_file is not None and tuned_file.exists():
        tuned = load_file(tuned_file)
    else:
        fine_tune(policy, taught, recipe.supervised, seed=recipe.seed, progress=Progress(None, mark="", on_row=_tell))
        tuned = {name: p.detach().clone() for name, p in policy.model.named_parameters()}
        if tuned_file is not None:
            save_file(tuned, tuned_file)
    lap("sft")
    rewards, keep_judge = made_rewards(lessons, engine, encoder, weights=RewardWeights(), seed=recipe.seed)
    lap("rewards")

    def score(lists: Sequence[tuple[str, tuple[str, ...]]]) -> list[Any]:
        return rewards.score(lists, n=recipe.n)

    def measured() -> dict[str, Any]:
        """By the method's own formula and weights, whatever was trained by."""
        trained_by = rewards.weights, rewards.literal
        rewards.weights, rewards.literal = RewardWeights(), True
        out = {}
        for name, needs in tests.items():
            listed = generate_lists(policy, needs, n=recipe.n, seed=recipe.seed, each=EACH)
            scored = score([(one.need.text, one.rewrites) for one in listed])
            means = averaged(listed, scored, is_right=is_right).to_dict()
            out[name] = {**means, "repeated": _repeated(listed), "queries": _by_query(listed, scored, is_right)}
        rewards.weights, rewards.literal = trained_by
        return out

    _put(policy, tuned)
    report: dict[str, Any] = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "parameters": sum(p.numel() for p in policy.model.parameters()),
        "sft_steps": recipe.supervised.steps,
        "reinforced": asdict(recipe.reinforced),
        "lists": len(taught),
        "cpu_s": spent,
        "judge": _judge_figures(keep_judge, tests, is_right),
        "arms": {"sft": measured()},
        "curves": [],
    }
    lap("measured")
    for name in wanted:
        if name in OTHERS:
            policy = new_policy(recipe, lessons, taught)  # the same tokenizer and first weights
            if name == LISTS:
                needs = (*lessons.taught, *lessons.needs.practice)
                both = examples(needs, n=recipe.n, copies=recipe.supervised.copies, seed=recipe.seed)
                unkept = Progress(None, mark="", on_row=_tell)
                fine_tune(policy, both, recipe.supervised, seed=recipe.seed, progress=unkept)
            lap(name)
            report["arms"][name] = measured()
            keep(report)
            continue
        _put(policy, tuned)
        rewards.weights = replace(recipe.reinforced.weights, **ABLATIONS.get(name, {}))
        rewards.literal = name == "literal"

        def on_row(row: Any, name: str = name) -> None:
            _tell(row)
            if row["step"] in also and row["step"] < recipe.reinforced.updates:
                report["arms"][f"{name}, {row['step']} updates"] = measured()

        settings = replace(recipe.reinforced, discount=None) if name == "list credit" else recipe.reinforced
        prompts = [need.text for need in lessons.taught] if name == "no practice" else lessons.asked
        progress = Progress(None, mark="", on_row=on_row)
        reinforce(policy, prompts, score, settings, n=recipe.n, seed=recipe.seed, progress=progress)
        lap(name)
        if name == "rl":
            report["curves"] = progress.rows
        report["arms"][name] = measured()
        keep(report)
    return report


def _repeated(listed: Sequence[Listed]) -> float:
    """The share of texts that stand earlier in their list."""
    texts = sum(len(one.rewrites) for one in listed)
    return round(1 - sum(len(set(one.rewrites)) for one in listed) / max(1, texts), 4)


def _by_query(
    listed: Sequence[Listed], scored: Sequence[Reward], is_right: Callable[[Need, str], bool]
) -> list[dict[str, float | None]]:
    """What a paired resampling needs: R, similarity and accuracy of every list; None where there is none."""
    return [
        {
            "total": round(reward.total, 4),
            "similarity": round(reward.similarity, 4) if len(one.rewrites) > 1 else None,
            "accuracy": round(sum(is_right(one.need, t) for t in one.rewrites) / len(one.rewrites), 4)
            if one.rewrites
            else None,
        }
        for one, reward in zip(listed, scored, strict=True)
    ]


def _put(policy: Any, tensors: dict[str, Any]) -> None:
    for name, parameter in policy.model.named_parameters():
        parameter.data.copy_(tensors[name])
    policy.model.eval()


def _tell(row: Any) -> None:
    if row["step"] % 20 == 0:
        print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}), flush=True)


def _tests(lessons: Lessons, wanted: int, split: str) -> dict[str, list[Need]]:
    """Queries of a split that nothing is learned from, a fixed draw of each set.

    `test`: our held-out templates and the bed's test templates; `dev`: the bed's dev templates and dev concepts.
    """
    world = load_world()
    table = read_table("templates")["knowledge"]
    ours = HELD_OUT_TEMPLATES if split == "test" else dict.fromkeys(HELD_OUT_TEMPLATES, ())
    bed = {kind: (*ours[kind], *table.get(kind, {}).get(split, ())) for kind in ours}
    seen_in_training = {need.text for need in lessons.needs.train}
    known = list(concept_needs(bed_concepts(world, split="train"), bed))
    unknown = list(concept_needs(bed_concepts(world, split=split), bed))
    said = {_say_of(need) for need in lessons.needs.train}
    template, wording = [], []
    for need in known:
        if need.text not in seen_in_training:
            (template if _say_of(need) in said else wording).append(need)
    drawn = {}
    for name, needs in zip(SETS, (template, wording, unknown), strict=True):
        drawn[name] = Dice(BED_SEED, name).shuffled(needs)[:wanted]
    return drawn


def _say_of(need: Need) -> tuple[str, str]:
    """The concept and the wording inside a need's text."""
    before, after = need.template.split("{say}")
    end = len(need.text) - len(after)
    return need.concept, need.text[len(before) : end]


def _bed_queries(bed: Path) -> list[tuple[str, str]]:
    lines = (bed / "queries.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [(row[3], row[4]) for row in (line.split("\t") for line in lines)]


def _judge_figures(judge: Any, tests: dict[str, list[Need]], is_right: Callable[[Need, str], bool]) -> dict[str, float]:
    """How often the reward's judge (at its gate) and the truth agree: on teacher's texts, own and of another need."""
    out = {}
    for name, needs in tests.items():
        pairs = [(a, text) for a, b in pairwise(needs) for text in (a.finds[0], b.finds[0])]
        scores = judge.score([(need.text, text) for need, text in pairs])
        agreed = [(s >= 0.5) == is_right(need, text) for s, (need, text) in zip(scores, pairs, strict=True)]
        out[name] = round(sum(agreed) / len(agreed), 4)
    return out


if __name__ == "__main__":
    main()
