"""Supervised fine-tuning: cross-entropy of the taught outputs, at first smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Ids, Policy
from multirecall.training.generation.progress import Progress, step_seed

__all__ = ["FineTuning", "Taught", "fine_tune", "rate_at"]

Taught = tuple[str, Ids]
"""An input text, and the ids of an output of it (`Policy.output_ids`)."""
_WINDOW = 12  # batches


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


def rate_at(step: int, settings: FineTuning) -> float:
    """The learning rate of a step counted from 1: linear warmup, then linear decay to nothing after the last step."""
    if step <= settings.warmup:
        return settings.rate * step / settings.warmup
    return settings.rate * (settings.steps + 1 - step) / (settings.steps + 1 - settings.warmup)


def fine_tune(
    policy: Policy,
    lessons: Sequence[Taught],
    settings: FineTuning,
    *,
    seed: int,
    progress: Progress,
    phase: str = "sft",
) -> None:
    """Trains the policy in place, from where `progress` stands. Every step draws its batch by its own seed."""
    torch = required("torch")
    if not lessons:
        raise InvalidInput("There are no examples to learn from.", field="examples")
    optimiser = torch.optim.AdamW(_groups(policy, settings), lr=settings.rate, weight_decay=0.01)
    start = progress.restore(phase, policy.model, optimiser)
    by_length = sorted(lessons, key=lambda lesson: len(lesson[1]))
    policy.model.train()
    with torch.random.fork_rng():
        for step in range(start + 1, settings.steps + 1):
            torch.manual_seed(step_seed(seed, phase, step))
            batch = _batch(torch, by_length, settings.batch)
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
            progress.step(phase, step, settings.steps, policy.model, optimiser, {"loss": float(loss.detach())})
    policy.model.eval()


def _groups(policy: Policy, settings: FineTuning) -> list[dict[str, Any]]:
    """All trained parameters, the word vectors with a rate of their own."""
    vectors = policy.model.get_input_embeddings().weight
    others = [p for p in policy.trained() if p is not vectors]
    groups = [{"params": others, "times": 1.0}]
    if vectors.requires_grad:
        groups.append({"params": [vectors], "times": settings.embeddings})
    return groups


def _batch(torch: Any, by_length: Sequence[Taught], size: int) -> list[Taught]:
    """Drawn from a window of neighbours in length: padding would be two fifths of the work otherwise."""
    middle = int(torch.randint(len(by_length), ()))
    start = max(0, min(middle - _WINDOW * size // 2, len(by_length) - _WINDOW * size))
    window = by_length[start : start + _WINDOW * size]
    return [window[i] for i in torch.randint(len(window), (size,)).tolist()]
