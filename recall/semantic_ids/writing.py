"""IdWriter: the semantic ids that a model writes for a query, among those that products of the index have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.core.errors import FingerprintMismatch
from multirecall.recall.generation.base import StepModel
from multirecall.recall.generation.beam import BeamSearch
from multirecall.recall.generation.trie import Trie
from multirecall.recall.semantic_ids.identifiers import tokens_of

__all__ = ["IdModel", "IdWriter", "WrittenIds", "id_writer"]


class IdModel(StepModel, Protocol):
    """A StepModel that has a token for each code of an id, such as `<a_17>`."""

    @property
    def fingerprint(self) -> str: ...

    def id_of(self, token: str) -> int | None:
        """The token's number in the model's vocabulary; None if the model does not have it."""
        ...


class WrittenIds(NamedTuple):
    """Ids with their probabilities, given that one of the live ids is meant: falling, of equals the first by tokens.

    `cut`: the time was up before the search was over.
    """

    ids: tuple[str, ...]
    probabilities: tuple[float, ...]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IdWriter:
    """Writes only ids of the list that it was made of (`id_writer`). Safe for several threads if the model is.

    `ids[i]` is the text of the trie's i-th sequence; the longest has `longest` tokens.
    """

    model: IdModel
    trie: Trie = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)
    longest: int
    beam: int = 20

    @property
    def fingerprint(self) -> str:
        """Of the model and of the ids that it may write."""
        return f"{self.model.fingerprint}-{self.trie.digest[:16]}"

    def write(self, text: str, deadline: Deadline) -> WrittenIds:
        """At most `beam` ids for the text. Costs a run of the model per layer of the ids; raises what it raises."""
        if not self.ids:
            return WrittenIds((), (), False)
        search = BeamSearch(beam=self.beam, max_length=self.longest)
        found = search(self.model, [text], self.trie, deadline)
        places = [self.trie.find(one.tokens) for one in found.sequences[0]]
        return WrittenIds(
            ids=tuple([self.ids[place] for place in places if place is not None]),
            probabilities=tuple([float(np.exp(one.score)) for one in found.sequences[0]]),
            cut=found.cut,
        )


def id_writer(model: IdModel, ids: Iterable[str], *, beam: int = 20) -> IdWriter:
    """The writer for these ids, each counted once. Raises FingerprintMismatch for an id that the model cannot write."""
    live = tuple(dict.fromkeys(ids))
    numbers: dict[str, int] = {}
    sequences = []
    for one in live:
        tokens = [str(token) for token in tokens_of(one)]
        for token in tokens:
            if token not in numbers:
                number = model.id_of(token)
                if number is None:
                    raise FingerprintMismatch(
                        f"The index has the semantic id {one}, and the model has no token {token}.",
                        hint="Train the model on the ids that the index is labelled with.",
                    )
                numbers[token] = number
        sequences.append([numbers[token] for token in tokens])
    trie = Trie.build(sequences, end=model.end)
    return IdWriter(model=model, trie=trie, ids=live, longest=max(map(len, sequences), default=1), beam=beam)
