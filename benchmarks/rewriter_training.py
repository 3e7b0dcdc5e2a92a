"""Does training the rewriter do what it should? On the generated shop, against a judge that knows the truth.

    python -m benchmarks.rewriter_training --out runs [--seeds 1 2 3] [--arms "rl; no diversity"]
    python -m benchmarks.rewriter_training --table runs/*.json [--plot curves.png]    # the tables of the report

Nothing is learned from concepts, wordings or templates of the tests: bed templates are used for testing alone.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

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
from multirecall.training.rewriter.bed_concepts import bed_assortment, bed_concepts
from multirecall.training.rewriter.bed_judge import BedJudge, bed_meanings
from multirecall.training.rewriter.data import Need, concept_needs
from multirecall.training.rewriter.grpo import reinforce
from multirecall.training.rewriter.measuring import measure
from multirecall.training.rewriter.progress import Progress
from multirecall.training.rewriter.recipes import Recipe, RewardWeights, open_recipe
from multirecall.training.rewriter.sft import fine_tune
from multirecall.training.rewriter.templates import HELD_OUT_TEMPLATES
from multirecall.training.rewriter.training import Lessons, lessons_of, made_rewards, new_policy, taught_examples

BED_SEED = 7
ABLATIONS = {
    "more diversity": RewardWeights(diversity=1.0),
    "no relevance": RewardWeights(relevance=0.0),
    "no alignment": RewardWeights(alignment=0.0),
    "no diversity": RewardWeights(diversity=0.0),
}
SETS = ("known concept, unknown template", "known concept, unknown wording", "unknown concept")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--queries", type=int, default=50, help="held-out queries per set")
    parser.add_argument("--sft-steps", type=int)
    parser.add_argument("--updates", type=int)
    parser.add_argument("--arms", default="rl", help=f"with semicolons: rl; {'; '.join(ABLATIONS)}")
    parser.add_argument("--validation", action="store_true", help="measure on the dev templates and concepts instead")
    parser.add_argument("--out", type=Path, help="folder for results and fine-tuned weights, which are used again")
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
        recipe = replace(recipe, supervised=replace(recipe.supervised, steps=args.sft_steps))
    if args.updates is not None:
        recipe = replace(recipe, reinforced=replace(recipe.reinforced, updates=args.updates))
    args.out.mkdir(parents=True, exist_ok=True)
    reports = []
    for seed in args.seeds:
        report = run_seed(
            replace(recipe, seed=seed),
            products=args.products,
            queries=args.queries,
            arms=[arm.strip() for arm in args.arms.split(";")],
            tuned_file=args.out / f"sft-{seed}.safetensors",
            split="dev" if args.validation else "test",
        )
        name = f"{seed}{'-dev' if args.validation else ''}-{args.arms.replace('; ', '+').replace(' ', '_')}.json"
        (args.out / name).write_text(json.dumps(report, indent=1) + "\n")
        reports.append(report)
    print(tables(reports))


def run_seed(
    recipe: Recipe, *, products: int, queries: int, arms: Sequence[str], tuned_file: Path | None, split: str
) -> dict[str, Any]:
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

            return _run(recipe, lessons, engine, encoder, _tests(lessons, queries, split), is_right, arms, tuned_file)


def _run(
    recipe: Recipe,
    lessons: Lessons,
    engine: Any,
    encoder: Any,
    tests: dict[str, list[Need]],
    is_right: Callable[[Need, str], bool],
    wanted: Sequence[str],
    tuned_file: Path | None,
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
    progress = Progress(None, mark="", on_row=_tell)
    if tuned_file is not None and tuned_file.exists():
        tuned = load_file(tuned_file)
    else:
        fine_tune(policy, taught, recipe.supervised, seed=recipe.seed, progress=progress)
        tuned = {name: p.detach().clone() for name, p in policy.model.named_parameters()}
        if tuned_file is not None:
            save_file(tuned, tuned_file)
    lap("sft")
    rewards, keep_judge = made_rewards(lessons, engine, encoder, weights=RewardWeights(), seed=recipe.seed)
    lap("rewards")

    def score(lists: Sequence[tuple[str, tuple[str, ...]]]) -> list[Any]:
        return rewards.score(lists, n=recipe.n)

    def measured() -> dict[str, Any]:
        return {
            name: measure(policy, needs, score, n=recipe.n, seed=recipe.seed, is_right=is_right).to_dict()
            for name, needs in tests.items()
        }

    _put(policy, tuned)
    arms = {"sft": measured()}
    lap("measured")
    prompts = [need.text for need in lessons.taught]
    for name in wanted:
        _put(policy, tuned)
        rewards.weights = ABLATIONS.get(name, recipe.reinforced.weights)
        curve = progress if name == "rl" else Progress(None, mark="")
        reinforce(policy, prompts, score, recipe.reinforced, n=recipe.n, seed=recipe.seed, progress=curve)
        rewards.weights = RewardWeights()
        lap(name)
        arms[name] = measured()
    return {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "parameters": sum(p.numel() for p in policy.model.parameters()),
        "sft_steps": recipe.supervised.steps,
        "updates": recipe.reinforced.updates,
        "lists": len(taught),
        "cpu_s": spent,
        "judge": _judge_figures(keep_judge, tests, is_right),
        "arms": arms,
        "curves": progress.rows,
    }


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


# ---------------------------------------------------------------- the report


def tables(runs: Sequence[dict[str, Any]]) -> str:
    lines = []
    arms = list(dict.fromkeys(name for run in runs for name in run["arms"]))
    for test in SETS:
        lines += [
            f"\n**{test}**\n",
            "| policy | seeds | R | relevance | alignment | diversity | similarity | accuracy |",
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for arm in arms:
            of = [run["arms"][arm][test] for run in runs if arm in run["arms"]]
            cells = [
                _spread([m[k] for m in of]) for k in ("total", "relevance", "alignment", "diversity", "similarity")
            ]
            lines.append(f"| {arm} | {len(of)} | {' | '.join(cells)} | {_spread([m['accuracy']['all'] for m in of])} |")
        both = [(run["arms"]["rl"][test], run["arms"]["sft"][test]) for run in runs if "rl" in run["arms"]]
        cells = [
            _spread([after[k] - before[k] for after, before in both], sign="+")
            for k in ("total", "relevance", "alignment", "diversity", "similarity")
        ]
        cells.append(_spread([a["accuracy"]["all"] - b["accuracy"]["all"] for a, b in both], sign="+"))
        lines.append(f"| change by rl, seed by seed | {len(both)} | {' | '.join(cells)} |")
    kinds = ("question", "negation", "alternative", "scene", "slang")
    lines += ["\n**accuracy by kind**\n", f"| set | policy | {' | '.join(kinds)} |", "|---" * (len(kinds) + 2) + "|"]
    for test in SETS:
        for arm in arms[:2]:
            of = [run["arms"][arm][test]["accuracy"] for run in runs if arm in run["arms"]]
            cells = [_spread([a[kind] for a in of if kind in a]) for kind in kinds]
            lines.append(f"| {test} | {arm} | {' | '.join(cells)} |")
    return "\n".join([*lines, *_curves(runs)])


def _curves(runs: Sequence[dict[str, Any]], points: int = 5) -> list[str]:
    """The rewards on training queries while reinforcement runs, means over fifths of the updates."""
    lines: list[str] = []
    for run in runs:
        rows = [row for row in run["curves"] if row["phase"] == "rl"]
        width = len(rows) // points
        if not width:
            continue
        if not lines:
            spans = [f"{i * width + 1} to {(i + 1) * width}" for i in range(points)]
            lines = ["\n**the curves**\n", f"| seed | reward | {' | '.join(spans)} |", "|---" * (points + 2) + "|"]
        for name in ("relevance", "alignment", "diversity", "total", "similarity", "kl"):
            means = [sum(r[name] for r in rows[i * width : (i + 1) * width]) / width for i in range(points)]
            shown = "R" if name == "total" else name
            lines.append(f"| {run['seed']} | {shown} | {' | '.join(f'{m:.3f}' for m in means)} |")
    return lines


def _spread(values: Sequence[float], *, sign: str = "") -> str:
    """Mean and, for several, the half width of the 95 % t interval."""
    if not values:
        return ""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:{sign}.3f}"
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    t = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776}.get(len(values), 2.0)
    return f"{mean:{sign}.3f} ± {t * deviation / math.sqrt(len(values)):.3f}"


def plot(runs: Sequence[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots(1, 4)
    for axis, name in zip(axes, ("relevance", "alignment", "diversity", "total"), strict=True):
        for run in runs:
            values = [row[name] for row in run["curves"] if row["phase"] == "rl"]
            width = 10
            smooth = [sum(values[max(0, i - width + 1) : i + 1]) / min(i + 1, width) for i in range(len(values))]
            axis.plot(range(1, len(smooth) + 1), smooth, label=f"seed {run['seed']}")
        axis.set_title("R" if name == "total" else name)
        axis.set_xlabel("update")
    axes[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
