"""Union: what any of several constraints allows, as a large trie and a small one of what came since."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from multirecall.recall.generation.base import Constraint, Int32Array

__all__ = ["Union", "UnionState"]

UnionState = tuple[tuple[int, Any], ...]
"""Those of the constraints that allow what was written so far, by their place, each with its own state."""


class Union:
    """Sequences of at least one of the constraints. Safe for several threads if they are."""

    def __init__(self, constraints: Sequence[Constraint[Any]]) -> None:
        self._constraints = tuple(constraints)

    def start(self) -> UnionState:
        return tuple([(at, one.start()) for at, one in enumerate(self._constraints)])

    def allowed(self, state: UnionState) -> Int32Array:
        found = [self._constraints[at].allowed(own) for at, own in state]
        return reduce(np.union1d, found) if found else np.zeros(0, np.int32)

    def advance(self, state: UnionState, token: int) -> UnionState:
        return tuple(
            [
                (at, self._constraints[at].advance(own, token))
                for at, own in state
                if _holds(self._constraints[at].allowed(own), token)
            ]
        )


def _holds(tokens: Int32Array, token: int) -> bool:
    at = int(np.searchsorted(tokens, token))
    return at < len(tokens) and int(tokens[at]) == token
