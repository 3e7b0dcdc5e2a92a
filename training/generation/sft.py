"""Supervised fine-tuning: cross-entropy of the taught outputs, at first smoothed; of one task or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Ids, Policy
from multirecall.training.generation.progress import Progress, step_seed
from multirecall.training.generation.scoring import score_tokens

__all__ = ["FineTuning", "Task", "Taught", "fine_tune", "held_out_loss", "rate_at"]

Taught = tuple[str, Ids]
"""An input text, and the ids of an output of it (`Policy.output_ids`)."""
_WINDOW = 12  # batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Lessons of one kind (query to code, title to code), and their part of the batches, in proportion to `share`."""

    lessons: Sequence[Taught]
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """AdamW with linear warmup and linear decay. `embeddings`: how many times the rate the word vectors learn at.
    `smoothing` of the labels holds for the first half of the steps.

    A T5 from scratch draws its word vectors with deviation 1, far larger than its matrices, and Adam's steps are of one
    size for all: at the common rate the vectors, which are the output layer too, hardly move.
    """

    steps: int = 3_000
    batch: int = 64
    rate: float = 5e-4
    warmup: int = 400
    embeddings: float = 1.0
    smoothing: float = 0.1

    def of_steps(self, steps: int) -> Self:
        """The same course in so many steps; of a short one a fifth at most is warmup."""
        return replace(self, steps=steps, warmup=min(self.warmup, max(1, steps // 5)))


def rate_at(step: int, settings: FineTuning) -> float:
    """The learning rate of a step counted from 1: linear warmup, then linear decay to nothing after the last step."""
    if step <= settings.warmup:
        return settings.rate * step / settings.warmup
    return settings.rate * (settings.steps + 1 - step) / (settings.steps + 1 - settings.warmup)


def fine_tune(
    policy: Policy,
    tasks: Sequence[Task],
    settings: FineTuning,
    *,
    seed: int,
    progress: Progress,
    phase: str = "sft",
    held_out: Sequence[Taught] = (),
    measured_every: int = 500,
) -> None:
    """Trains the policy in place, from where `progress` stands. Every step draws its batch by its own seed.

    The loss of `held_out`, per token, stands in the curves every `measured_every` steps and after the last.
    """
    torch = required("torch")
    _check(tasks)
    optimiser = torch.optim.AdamW(_groups(policy, settings), lr=settings.rate, weight_decay=0.01)
    start = progress.restore(phase, policy.model, optimiser)
    by_length = [sorted(task.lessons, key=lambda lesson: len(lesson[1])) for task in tasks]
    shares = torch.tensor([task.share for task in tasks])
    policy.model.train()
    with torch.random.fork_rng():
        for step in range(start + 1, settings.steps + 1):
            torch.manual_seed(step_seed(seed, phase, step))
            batch = _batch(torch, by_length, shares, settings.batch)
            logits, labels = policy.logits(policy.model, [text for text, _ in batch], [ids for _, ids in batch])
            smoothing = settings.smoothing if step <= settings.steps // 2 else 0.0
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), ignore_index=-100, label_smoothing=smoothing
            )
            for group in optimiser.param_groups:
                group["lr"] = rate_at(step, settings) * group["times"]
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.trained(), 1.0)
            optimiser.step()
            row = {"loss": float(loss.detach())}
            if held_out and (step % measured_every == 0 or step == settings.steps):
                row["held_out_loss"] = held_out_loss(policy, held_out)
            progress.step(phase, step, settings.steps, policy.model, optimiser, row)
    policy.model.eval()


def held_out_loss(policy: Policy, lessons: Sequence[Taught]) -> float:
    """Cross-entropy per token, in nats, without smoothing."""
    scores = np.concatenate(score_tokens(policy, [text for text, _ in lessons], [ids for _, ids in lessons]))
    return -float(scores.mean(dtype=np.float64))


def _check(tasks: Sequence[Task]) -> None:
    if not tasks or not all(task.lessons for task in tasks):
        raise InvalidInput("There are no examples to learn from.", field="examples")
    if not all(math.isfinite(task.share) and task.share > 0 for task in tasks):
        raise InvalidInput("The share of a task is above 0.", hint="Leave the task out.", field="share")


def _groups(policy: Policy, settings: FineTuning) -> list[dict[str, Any]]:
    """All trained parameters, the word vectors with a rate of their own."""
    vectors = policy.model.get_input_embeddings().weight
    others = [p for p in policy.trained() if p is not vectors]
    groups = [{"params": others, "times": 1.0}]
    if vectors.requires_grad:
        groups.append({"params": [vectors], "times": settings.embeddings})
    return groups


def _batch(torch: Any, by_length: Sequence[Sequence[Taught]], shares: Any, size: int) -> list[Taught]:
    """Drawn from a window of neighbours in length: padding would be two fifths of the work otherwise.

    Each lesson's task is drawn by the shares; all tasks have their windows at the same place between short and long.
    """
    of = len(by_length[0])
    middle = int(torch.randint(of, ()))
    counts = [size]
    if len(by_length) > 1:
        drawn = torch.multinomial(shares, size, replacement=True)
        counts = torch.bincount(drawn, minlength=len(by_length)).tolist()
    batch = []
    for lessons, count in zip(by_length, counts, strict=True):
        at = middle * len(lessons) // of
        start = max(0, min(at - _WINDOW * size // 2, len(lessons) - _WINDOW * size))
        window = lessons[start : start + _WINDOW * size]
        batch += [window[i] for i in torch.randint(len(window), (count,)).tolist()]
    return batch
