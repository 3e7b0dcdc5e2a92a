"""The whole course: lessons, supervised fine-tuning, rewards, reinforcement, figures, and the artefact in one step."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.training.blender.placing import written_whole
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import OnRow, Progress, step_seed
from multirecall.training.rewriter.assortment import read_assortment, title_lines
from multirecall.training.rewriter.backbones import open_policy
from multirecall.training.rewriter.cycle import CycleConsistency, turned_examples, with_cycle
from multirecall.training.rewriter.data import Assortment, Example, Need, Needs, examples, plain_needs, split_needs
from multirecall.training.rewriter.grpo import ScoreLists, reinforce
from multirecall.training.rewriter.measuring import Measured, measure
from multirecall.training.rewriter.pseudo_titles import with_pseudo_titles
from multirecall.training.rewriter.recipes import Recipe
from multirecall.training.rewriter.rewards.combining import Rewards, RewardWeights
from multirecall.training.rewriter.rewards.coverage import Coverage
from multirecall.training.rewriter.rewards.keeping import KeepJudge, judged_pairs, learn_keep_judge
from multirecall.training.rewriter.rewards.likeness import Likeness
from multirecall.training.rewriter.rewards.title_model import TitleModel
from multirecall.training.rewriter.sft import fine_tune

__all__ = ["Lessons", "Trained", "lessons_of", "made_rewards", "train_rewriter"]

_PAIRS_PER_NEED = 4
_MEASURED = 100  # held-out queries per set that the figures of the card are made of


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What a rewriter learns from. `avoid`: query texts of tests, in none of it."""

    needs: Needs
    plain: tuple[Need, ...]
    assortment: Assortment
    titles: tuple[str, ...]

    @property
    def taught(self) -> tuple[Need, ...]:
        """All needs that come with lists."""
        return (*self.needs.train, *self.plain)

    @property
    def asked(self) -> tuple[str, ...]:
        """The prompts of reinforcement: a reward needs no list, so needs come in sentences that fine-tuning never saw.

        In the sentences of fine-tuning the policy is nearly always right already, and there is little to gain.
        """
        return tuple(need.text for need in (*self.needs.practice, *self.plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """`card` is what the artefact says of itself; figures are on queries that nothing was learned from."""

    out: Path
    card: Mapping[str, Any]


def lessons_of(
    concepts: Sequence[Concept],
    engine: Engine,
    recipe: Recipe,
    *,
    held_out: Sequence[Concept] | None = None,
    assortment: Assortment | None = None,
    avoid: frozenset[str] = frozenset(),
) -> Lessons:
    """Lessons from concepts and the shop's index. `held_out` as in `split_needs`; `assortment` None: as indexed."""
    if not concepts:
        raise InvalidInput("There are no concepts to teach.", hint="Name a knowledge file.", field="concepts")
    needs = split_needs(concepts, held_out=held_out)
    needs = Needs(
        train=tuple(need for need in needs.train if need.text not in avoid),
        practice=tuple(need for need in needs.practice if need.text not in avoid),
        unseen_phrasing=needs.unseen_phrasing,
        unseen_concept=needs.unseen_concept,
    )
    stock = read_assortment(engine) if assortment is None else assortment
    tested = frozenset(n.text for n in (*needs.unseen_phrasing, *needs.unseen_concept))
    wanted = round(len(needs.train) * recipe.plain / (1 - recipe.plain))
    return Lessons(
        needs=needs,
        plain=plain_needs(stock, wanted=wanted, seed=recipe.seed, avoid=avoid | tested),
        assortment=stock,
        titles=tuple(sorted(title_lines(engine))),  # a scan has no order, and the tokenizer must not hang on it
    )


def made_rewards(
    lessons: Lessons, engine: Engine, encoder: Encoder, *, weights: RewardWeights, seed: int
) -> tuple[Rewards, KeepJudge]:
    """The rewards: the judge learned from pairs, the title model from titles, coverage asked of the engine."""
    pairs = list(judged_pairs(lessons.taught, lessons.assortment, per_need=_PAIRS_PER_NEED, seed=seed))
    judge = learn_keep_judge(pairs, encoder, seed=seed)
    titles = TitleModel(lessons.titles)
    titles.set_against([need.text for need in lessons.plain if need.kind in ("head", "plain")])
    rewards = Rewards(
        judge=judge, titles=titles, coverage=Coverage(engine), likeness=Likeness(encoder), weights=weights
    )
    return rewards, judge


def taught_examples(lessons: Lessons, engine: Engine, recipe: Recipe) -> list[Example]:
    """D_sft."""
    taught: Iterable[Need] = lessons.taught
    if recipe.pseudo_titles:
        taught = with_pseudo_titles(lessons.taught, engine, n=recipe.n)
    return examples(tuple(taught), n=recipe.n, copies=recipe.supervised.copies, seed=recipe.seed)


def new_policy(recipe: Recipe, lessons: Lessons, taught: Sequence[Example]) -> Policy:
    """The policy before any training; the tokenizer of one from scratch reads the lessons and the titles."""
    torch = required("torch")
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(recipe.seed, "weights", 0))
        return open_policy(recipe, [*(text for e in taught for text in (e.query, e.rewrites)), *lessons.titles])


def train_rewriter(
    lessons: Lessons,
    engine: Engine,
    encoder: Encoder,
    recipe: Recipe,
    *,
    out: Path,
    resume: bool = False,
    on_row: OnRow | None = None,
) -> Trained:
    """Trains a rewriter and writes its artefact to the folder `out`. Blocks for minutes (small) to hours.

    Work in progress lies in the hidden folder `.NAME.training` beside `out`; it goes when the artefact is complete, and
    `out` is replaced in one step at the very end. `resume` goes on where an interrupted run of the same recipe and data
    stood, to the same weights. Raises MissingExtra without the extra `train`, InvalidSettings if `out` is taken by
    something else, InvalidInput for a checkpoint of other data.
    """
    _check_target(out)
    safetensors = required("safetensors.torch")
    taught = taught_examples(lessons, engine, recipe)
    work = out.parent / f".{out.name}.training"
    mark = _mark(recipe, taught)
    progress = Progress(work, mark=mark, save_every=recipe.save_every, resume=resume, on_row=on_row)
    policy = new_policy(recipe, lessons, taught)
    cycle = _backward(recipe, lessons, taught)
    tuned = work / "sft.safetensors"
    if progress.done("rl") and tuned.exists():
        _load(policy, safetensors.load_file(tuned))
    else:
        fine_tune(policy, taught, recipe.supervised, seed=recipe.seed, progress=progress)
        safetensors.save_file({n: p.detach().clone() for n, p in policy.model.named_parameters()}, tuned)
    rewards, judge = made_rewards(lessons, engine, encoder, weights=recipe.reinforced.weights, seed=recipe.seed)
    plain_score = _scored(rewards, recipe.n)
    score = plain_score if cycle is None else with_cycle(plain_score, cycle, share=recipe.reinforced.cycle)
    figures = {"sft": _figures(policy, lessons, plain_score, recipe)}
    reinforce(policy, lessons.asked, score, recipe.reinforced, n=recipe.n, seed=recipe.seed, progress=progress)
    figures["rl"] = _figures(policy, lessons, plain_score, recipe)
    card = {
        "shape": policy.shape,
        "prompt": policy.prompt,
        "n": recipe.n,
        "separator": "|",
        "max_tokens": recipe.max_tokens,
        "fingerprint": mark,
        "recipe": asdict(recipe),
        "encoder": encoder.fingerprint,
        "data": {
            "concept_queries": len(lessons.needs.train),
            "plain_queries": len(lessons.plain),
            "lists": len(taught),
        },
        "figures": figures,
    }
    _write(policy, judge, progress, card, out)
    shutil.rmtree(work)
    return Trained(out=out, card=card)


def _scored(rewards: Rewards, n: int) -> ScoreLists:
    return lambda lists: rewards.score(lists, n=n)


def _backward(recipe: Recipe, lessons: Lessons, taught: Sequence[Example]) -> CycleConsistency | None:
    """The model of the way back, from rewrites to the query, if the recipe asks for cycle consistency."""
    if not recipe.reinforced.cycle:
        return None
    policy = new_policy(recipe, lessons, taught)
    turned = turned_examples(taught)
    unkept = Progress(None, mark="")  # a resumed run makes it again: it comes out the same, and needs no checkpoint
    fine_tune(policy, turned, recipe.supervised, seed=recipe.seed, progress=unkept, phase="backward")
    return CycleConsistency(policy)


def _figures(policy: Policy, lessons: Lessons, score: ScoreLists, recipe: Recipe) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in ("unseen_phrasing", "unseen_concept"):
        needs = getattr(lessons.needs, name)
        if needs:
            stride = max(1, len(needs) // _MEASURED)
            measured: Measured = measure(policy, needs[::stride][:_MEASURED], score, n=recipe.n, seed=recipe.seed)
            out[name] = measured.to_dict()
    return out


def _load(policy: Policy, tensors: Mapping[str, Any]) -> None:
    for name, parameter in policy.model.named_parameters():
        parameter.data.copy_(tensors[name])


def _mark(recipe: Recipe, taught: Sequence[Example]) -> str:
    """16 hex digits over the recipe and the data: what a checkpoint belongs to."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for example in taught:
        digest.update(f"{example.query}\n{example.rewrites}\n".encode())
    return digest.hexdigest()[:16]


def _check_target(out: Path) -> None:
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / "card.json").exists())):
        raise InvalidSettings(
            f"{out} exists and is no rewriter.", hint="Choose another folder with --out.", field="out"
        )


def _write(policy: Policy, judge: KeepJudge, progress: Progress, card: Mapping[str, Any], out: Path) -> None:
    """All files into a folder beside `out`, then into its place."""
    save_file = required("safetensors.torch").save_file
    with written_whole(out) as made:
        policy.save(made)
        save_file(judge.tensors(), made / "keep_judge.safetensors")
        progress.write_curves(made / "curves.jsonl")
        (made / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
