"""Trie: exactly the sequences of a list, as arrays that can lie in a mapped file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.recall.array_file import ArrayFile, digest_of, open_arrays, write_arrays
from multirecall.recall.generation.base import Int32Array

__all__ = ["Trie"]

_KIND, _VERSION = "trie", 1


class Trie:
    """A prefix tree over sequences of tokens; a state is a node. Immutable and safe for several threads.

    Every sequence is kept with the end token after it, so that what may follow a node is one slice. Nodes are numbered
    level by level, the root 0, within a level in order of the sequences: the children of one stand side by side,
    ascending. 12 bytes a node, of which a sequence has at most its tokens and one more.

    **Additions and removals** are a new trie: for a million sequences of four tokens 2 s of `build`, 6 s of `changed`.
    Where that is too long to wait, a small trie of what came since stands beside the large one in a `Union`; what was
    removed can be written until the large one is built again, so whoever looks a sequence up must look at what is live.
    """

    def __init__(self, file: ArrayFile) -> None:
        self._arrays, self._card, self.digest = file.arrays, file.card, file.digest
        self.end = int(self._card["end"])
        self._tokens, self._first = file.arrays["tokens"], file.arrays["first_children"]
        self._ordinals = file.arrays["ordinals"]
        self.n_sequences = int(self._card["sequences"])
        self.n_nodes = len(self._tokens)

    @classmethod
    def build(cls, sequences: Iterable[Sequence[int]], *, end: int) -> Trie:
        """A trie in memory; what comes twice counts once, in order of first coming.

        Raises InvalidInput for an empty sequence, a negative token and one that holds the end token.
        """
        kept = list(dict.fromkeys(map(tuple, sequences)))
        lengths = np.fromiter(map(len, kept), dtype=np.int64, count=len(kept))
        flat = np.fromiter(chain.from_iterable(kept), dtype=np.int64, count=int(lengths.sum()))
        if len(kept) and lengths.min() == 0:
            raise InvalidInput("A sequence of the trie has no token.", field="sequences")
        if flat.size and (flat.min() < 0 or bool((flat == end).any())):
            raise InvalidInput(
                f"Sequences of the trie hold the end token {end}, or one below 0.",
                hint="Give them without the end: it is put after each.",
                field="sequences",
            )
        arrays = _levels(flat, lengths, end)
        card = {"kind": _KIND, "version": _VERSION, "end": end, "sequences": len(kept)}
        return cls(ArrayFile(arrays, card, digest_of(arrays, card)))

    @classmethod
    def open(cls, file: Path) -> Trie:
        """The trie in this file, mapped. Raises NotFound or IndexCorrupt."""
        return cls(open_arrays(file, kind=_KIND, version=_VERSION))

    def save(self, file: Path) -> None:
        """Writes the file in one step. Raises OSError."""
        write_arrays(file, self._arrays, self._card)

    def start(self) -> int:
        return 0

    def allowed(self, state: int) -> Int32Array:
        found: Int32Array = self._tokens[self._first[state] : self._first[state + 1]]
        return found

    def advance(self, state: int, token: int) -> int:
        low, high = self._first[state : state + 2]
        return int(low + np.searchsorted(self._tokens[low:high], token))

    def find(self, sequence: Sequence[int]) -> int | None:
        """The ordinal of the sequence (without the end) among those it was built of; None if it is none of them."""
        node = 0
        for token in (*sequence, self.end):
            child = self.advance(node, token)
            if child == self._first[node + 1] or self._tokens[child] != token:
                return None
            node = child
        return int(self._ordinals[node])

    def sequences(self) -> list[tuple[int, ...]]:
        """All sequences, without the end, in order of their ordinals."""
        nodes = np.flatnonzero(self._ordinals >= 0)
        found: list[list[int]] = [[] for _ in nodes]
        places = self._ordinals[nodes]
        parents = np.repeat(np.arange(self.n_nodes), np.diff(self._first))  # of nodes 1 and on
        while len(nodes):
            nodes = parents[nodes - 1]
            places, nodes = places[nodes > 0], nodes[nodes > 0]
            for place, token in zip(places.tolist(), self._tokens[nodes].tolist(), strict=True):
                found[place].append(token)
        return [tuple(reversed(one)) for one in found]

    def changed(self, *, add: Iterable[Sequence[int]] = (), remove: Iterable[Sequence[int]] = ()) -> Trie:
        """The trie with some sequences more and others, if they are there, less. Costs a build; ordinals are new."""
        gone = set(map(tuple, remove))
        return Trie.build([one for one in chain(self.sequences(), add) if tuple(one) not in gone], end=self.end)


def _levels(flat: NDArray[np.int64], lengths: NDArray[np.int64], end: int) -> dict[str, NDArray[Any]]:
    """Of every node: the token it is entered by (-1: the root), its first child, its sequence's ordinal (-1: none).

    `first_children` has one number more: the children of a node end where those of the next begin.
    """
    n, depth = len(lengths), int(lengths.max(initial=0)) + 1
    table = np.full((n, depth), -1, np.int32)
    within = np.arange(depth) < lengths[:, None]
    table[within] = flat
    table[np.arange(n), lengths] = end
    order = np.lexsort(table.T[::-1]) if n else np.zeros(0, np.int64)
    table = table[order]
    tokens, ordinals, n_children = [np.array([-1], np.int32)], [np.array([-1], np.int32)], []
    node = np.zeros(n, np.int64)  # which of the nodes of this level each sequence goes through
    here, n_nodes = np.arange(n), 1
    for level in range(depth + 1):
        going_on = table[here, level] >= 0 if level < depth else np.zeros(len(here), np.bool_)
        here, node = here[going_on], node[going_on]
        own = table[here, level] if level < depth else np.zeros(0, np.int32)
        fresh = np.ones(len(here), np.bool_)
        fresh[1:] = (node[1:] != node[:-1]) | (own[1:] != own[:-1])
        n_children.append(np.bincount(node[fresh], minlength=n_nodes))
        n_nodes = int(fresh.sum())
        tokens.append(own[fresh])
        ordinals.append(np.where(own[fresh] == end, order[here[fresh]], -1).astype(np.int32))
        node = np.cumsum(fresh) - 1
    counts = np.concatenate(n_children)
    made = {
        "tokens": np.concatenate(tokens),
        "first_children": (np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]) + 1).astype(np.int32),
        "ordinals": np.concatenate(ordinals),
    }
    for array in made.values():
        array.setflags(write=False)
    return made
