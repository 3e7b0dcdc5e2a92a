"""StepModel, Decoding and Constraint: what a model, one use of it, and a language are to the beam search."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Constraint", "Decoding", "Float32Array", "Int32Array", "State", "StepModel"]

Float32Array = NDArray[np.float32]
Int32Array = NDArray[np.int32]

State = TypeVar("State", bound=Hashable)
"""Where a constraint stands after some tokens; opaque to everyone else, equal ones allow the same."""


@runtime_checkable
class Decoding(Protocol):
    """One decoding of a batch of texts, which keeps what the model knows about each row (its KV cache).

    Made for one caller: not safe for several threads. A row is a text with the tokens written so far.
    """

    def first(self) -> Float32Array:
        """Log probabilities of the first token, shape (texts, vocab). Called once, before any `step`."""
        ...

    def step(self, parents: NDArray[np.integer[Any]], tokens: NDArray[np.integer[Any]]) -> Float32Array:
        """Log probabilities of the next token of `n` rows, shape (n, vocab).

        Row i is row `parents[i]` of the call before continued with `tokens[i]`; both have shape (n,), n is at least 1.
        A row may be the parent of several, or of none: then it is forgotten. Parents need not be in order.
        """
        ...


@runtime_checkable
class StepModel(Protocol):
    """A model that says what token comes next. Safe for several threads, each with a decoding of its own."""

    @property
    def vocab(self) -> int:
        """How many tokens there are; ids run from 0."""
        ...

    @property
    def end(self) -> int:
        """The id of the token that ends a sequence. No constraint uses it for anything else."""
        ...

    def begin(self, texts: Sequence[str]) -> Decoding:
        """A decoding with one row per text, at least one. May run the model over the texts (an encoder's share)."""
        ...


class Constraint(Protocol[State]):
    """The sequences that may be written, as an automaton. Its states are values: no call changes anything."""

    def start(self) -> State:
        """Where every sequence begins."""
        ...

    def allowed(self, state: State) -> Int32Array:
        """The tokens that may follow, ascending, with the end token where the sequence may end here.

        Empty: a dead end. The array may be shared and is not to be written to.
        """
        ...

    def advance(self, state: State, token: int) -> State:
        """The state after one more token, which must be one of `allowed(state)` and not the end token."""
        ...
