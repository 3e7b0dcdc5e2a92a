"""Generator: a language model that answers a query with a text that holds rewrites, and is not to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from multirecall.core.deadline import Deadline

__all__ = ["MAX_ANSWER_CHARS", "Generated", "Generator"]

MAX_ANSWER_CHARS = 4_000
"""What is kept of an answer: five rewrites take less than 500; who says more is not answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """One answer as it came, at most `MAX_ANSWER_CHARS` of it.

    `log_probability` is the mean over its tokens (natural logarithm, 0 or less); None where the model does not tell.
    """

    text: str
    log_probability: float | None = None


@runtime_checkable
class Generator(Protocol):
    """A model with its prompt. Safe for several threads; deterministic as far as the model is (no sampling)."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """16 hex digits over model, prompt and how many rewrites are asked for."""
        ...

    def generate(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        """One answer for each text, in their order.

        Raises DeadlineExceeded if any of them is late, EncoderError if the model cannot be run or gives no answer.
        """
        ...
