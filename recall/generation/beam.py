"""BeamSearch: the likeliest sequences that a constraint allows, for a batch of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidSettings
from multirecall.recall.generation.base import Constraint, Float32Array, State, StepModel

__all__ = ["BeamSearch", "Found", "Generated"]


class Generated(NamedTuple):
    """One sequence that was written.

    `tokens` are without the end token; `log_probs` (the model's) and `constrained` (over what the constraint allowed at
    each place) have one number per token and one for the end. `score` is what it was ranked by.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    constrained: tuple[float, ...]
    score: float


class Found(NamedTuple):
    """Sequences for each text, best first: score descending, then by tokens.

    `cut`: the time was up before the search was over; what was finished by then is here, better ones may be missing.
    """

    sequences: tuple[tuple[Generated, ...], ...]
    cut: bool
    n_steps: int


@dataclass(slots=True)
class _Row(Generic[State]):
    """A sequence that is being written. `rank`: its place among the living of its text in order of tokens."""

    text: int
    score: float
    state: State
    tokens: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    constrained: tuple[float, ...] = ()
    rank: int = 0


class _Candidates(NamedTuple):
    """Every way to go on from every row: arrays of one length, rows in order, tokens ascending within a row."""

    rows: NDArray[np.int64]
    tokens: NDArray[np.int32]
    log_probs: NDArray[np.float64]
    constrained: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamSearch:
    """Beam search under a constraint; `repr` says how.

    The score of a sequence is the sum of its tokens' log probabilities, the end's among them: with `renormalise` each
    over the tokens allowed at its place (P(n|q) of the sheets), else the model's own. So shorter sequences have the
    advantage; with `length_power` p above 0 finished ones are ranked by score / (tokens + 1)**p. Every step keeps the
    `beam` best unfinished rows of each text and, beside them, the `keep` best finished ones (0: as many as `beam`); of
    equals the one with the lower tokens. `max_length` is in tokens without the end; a sequence that cannot end by then
    is dropped. The search stops when nothing unfinished can reach what is kept.

    With a beam as wide as there are sequences the result is that of trying them all.
    """

    beam: int = 10
    max_length: int = 32
    keep: int = 0
    renormalise: bool = True
    length_power: float = 0.0

    def __post_init__(self) -> None:
        """Raises InvalidSettings."""
        for name, least in (("beam", 1), ("max_length", 1), ("keep", 0), ("length_power", 0)):
            if not getattr(self, name) >= least:
                raise InvalidSettings(f"{name} is {least} or more, got {getattr(self, name)}.", field=name)

    def __call__(
        self, model: StepModel, texts: Sequence[str], constraint: Constraint[State], deadline: Deadline
    ) -> Found:
        """The best sequences for each text; fewer than `keep`, or none, where the constraint leaves no more.

        All texts are one batch: each step runs the model once over at most texts * beam rows. The deadline is looked at
        before every step, so it is overrun by one step at most. Raises what the model raises.
        """
        finished: list[list[Generated]] = [[] for _ in texts]
        if not texts:
            return Found((), False, 0)
        if deadline.expired:
            return Found(tuple(map(tuple, finished)), True, 0)
        decoding = model.begin(texts)
        rows = [_Row(text, 0.0, constraint.start()) for text in range(len(texts))]
        log_probs = decoding.first()
        for n_steps in range(1, self.max_length + 2):
            candidates = self._candidates(rows, log_probs, constraint, model.end)
            ends = candidates.tokens == model.end
            self._finish(rows, candidates, ends, finished)
            rows, parents = self._grown(rows, candidates, ~ends, finished, constraint, n_steps)
            if not rows or deadline.expired:
                break
            log_probs = decoding.step(np.array(parents), np.array([row.tokens[-1] for row in rows]))
        return Found(tuple(map(tuple, finished)), bool(rows), n_steps)

    def _candidates(
        self, rows: Sequence[_Row[State]], log_probs: Float32Array, constraint: Constraint[State], end: int
    ) -> _Candidates:
        """All tokens that may follow any row. What the model holds for impossible is none."""
        at_limit = len(rows[0].tokens) == self.max_length
        allowed = [constraint.allowed(row.state) for row in rows]
        sizes = np.array([len(one) for one in allowed])
        of = np.repeat(np.arange(len(rows)), sizes)
        tokens = np.concatenate(allowed)
        own = log_probs[of, tokens].astype(np.float64)
        possible = own > -np.inf
        if not possible.all():
            of, tokens, own = of[possible], tokens[possible], own[possible]
        constrained = own - _log_sums(own, np.bincount(of, minlength=len(rows)))[of]
        before = np.array([row.score for row in rows])
        scores = before[of] + (constrained if self.renormalise else own)
        if at_limit:
            last = tokens == end
            return _Candidates(of[last], tokens[last], own[last], constrained[last], scores[last])
        return _Candidates(of, tokens, own, constrained, scores)

    def _finish(
        self,
        rows: Sequence[_Row[State]],
        candidates: _Candidates,
        ends: NDArray[np.bool_],
        finished: list[list[Generated]],
    ) -> None:
        """Puts those that end here among the finished ones of their text, and keeps the best."""
        changed = set()
        for at in np.flatnonzero(ends).tolist():
            row = rows[candidates.rows[at]]
            finished[row.text].append(
                Generated(
                    row.tokens,
                    (*row.log_probs, float(candidates.log_probs[at])),
                    (*row.constrained, float(candidates.constrained[at])),
                    self._ranked_by(float(candidates.scores[at]), len(row.tokens) + 1),
                )
            )
            changed.add(row.text)
        for text in changed:
            finished[text].sort(key=lambda one: (-one.score, one.tokens))
            del finished[text][self.keep or self.beam :]

    def _grown(
        self,
        rows: Sequence[_Row[State]],
        candidates: _Candidates,
        going_on: NDArray[np.bool_],
        finished: Sequence[Sequence[Generated]],
        constraint: Constraint[State],
        n_steps: int,
    ) -> tuple[list[_Row[State]], list[int]]:
        """The rows of the next step and, for each, the place of the row it continues."""
        grown: list[_Row[State]] = []
        parents: list[int] = []
        bounds = np.searchsorted(candidates.rows, np.arange(len(rows) + 1))
        ranks = np.array([row.rank for row in rows])
        for text, group in groupby(range(len(rows)), key=lambda at: rows[at].text):
            own = [*group]
            here = np.arange(bounds[own[0]], bounds[own[-1] + 1])
            here = here[going_on[here]]
            if len(finished[text]) == (self.keep or self.beam):
                worst = finished[text][-1].score
                here = here[self._reachable(candidates.scores[here]) >= worst]
            chosen = _best(candidates.scores[here], ranks[candidates.rows[here]], candidates.tokens[here], self.beam)
            first = len(grown)
            for at in here[chosen].tolist():
                parent, token = int(candidates.rows[at]), int(candidates.tokens[at])
                row = rows[parent]
                parents.append(parent)
                grown.append(
                    _Row(
                        text,
                        float(candidates.scores[at]),
                        constraint.advance(row.state, token),
                        (*row.tokens, token),
                        (*row.log_probs, float(candidates.log_probs[at])),
                        (*row.constrained, float(candidates.constrained[at])),
                    )
                )
            for rank, row in enumerate(sorted(grown[first:], key=lambda row: row.tokens)):
                row.rank = rank
        return grown, parents

    def _ranked_by(self, score: float, n: int) -> float:
        return score / n**self.length_power if self.length_power else score

    def _reachable(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """What these may at best be ranked by in the end: log probabilities only fall, and the longest divides most."""
        return scores / (self.max_length + 1) ** self.length_power if self.length_power else scores


def _log_sums(values: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """log sum exp of each of the consecutive groups of these sizes; 0 for an empty group."""
    sums = np.zeros(len(sizes))
    full = np.flatnonzero(sizes)
    if len(full):
        starts = (np.cumsum(sizes) - sizes)[full]
        highest = np.maximum.reduceat(values, starts)
        sums[full] = np.log(np.add.reduceat(np.exp(values - np.repeat(highest, sizes[full])), starts)) + highest
    return sums


def _best(
    scores: NDArray[np.float64], ranks: NDArray[np.int64], tokens: NDArray[np.int32], n: int
) -> NDArray[np.int64]:
    """The places of the n highest scores, best first; of equals those with the lower rank, then the lower token."""
    kept = np.arange(len(scores))
    if len(scores) > n:
        kept = np.flatnonzero(scores >= np.partition(scores, len(scores) - n)[len(scores) - n])
    order = np.lexsort((tokens[kept], ranks[kept], -scores[kept]))
    best: NDArray[np.int64] = kept[order[:n]]
    return best
