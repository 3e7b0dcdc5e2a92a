"""Supervised fine-tuning of a rewriter on its lists."""

from __future__ import annotations

from collections.abc import Sequence

from multirecall.training.generation import sft
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import Progress
from multirecall.training.generation.sft import rate_at
from multirecall.training.rewriter.data import Example
from multirecall.training.rewriter.recipes import Supervised

__all__ = ["fine_tune", "rate_at"]


def fine_tune(
    policy: Policy,
    examples: Sequence[Example],
    settings: Supervised,
    *,
    seed: int,
    progress: Progress,
    phase: str = "sft",
) -> None:
    """Trains the policy in place, from where `progress` stands. Every step draws its batch by its own seed."""
    lessons = [(example.query, policy.output_ids(example.rewrites)) for example in examples]
    sft.fine_tune(policy, [sft.Task(lessons=lessons)], settings, seed=seed, progress=progress, phase=phase)
