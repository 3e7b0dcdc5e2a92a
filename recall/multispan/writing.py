"""SpanWriter: the spans of titles that a model writes for a query, and the products that they point to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from multirecall.core.deadline import Deadline
from multirecall.recall.fm_index.index import FMIndex
from multirecall.recall.fm_index.seal import SpanHit, generated_spans, product_scores
from multirecall.recall.generation.base import StepModel
from multirecall.recall.generation.beam import BeamSearch
from multirecall.recall.generation.spans import Spans

__all__ = ["Pointed", "SpanModel", "SpanWriter"]


class SpanModel(StepModel, Protocol):
    """A StepModel with a separator between spans, that stops after `max_tokens`."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def max_tokens(self) -> int: ...


class Pointed(NamedTuple):
    """Products by SEAL's score, best first. `cut`: the time was up before the search was over."""

    hits: tuple[SpanHit, ...]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpanWriter:
    """Writes spans that some title holds. Safe for several threads if the model is."""

    model: SpanModel
    index: FMIndex = field(repr=False)
    separator: int
    beam: int = 10
    max_span_tokens: int = 6
    max_spans: int = 4

    @property
    def fingerprint(self) -> str:
        """Of the model; titles that were added change no answer about others."""
        return self.model.fingerprint

    def point(self, text: str, k: int, deadline: Deadline) -> Pointed:
        """The k products that the spans for the text point to; fewer, or none, where they point to no more."""
        spans = Spans(
            self.index,
            separator=self.separator,
            end=self.model.end,
            max_tokens=self.max_span_tokens,
            max_spans=self.max_spans,
        )
        length = min(spans.max_length, self.model.max_tokens - 1)
        found = BeamSearch(beam=self.beam, max_length=length)(self.model, [text], spans, deadline)
        written = generated_spans(found.sequences[0], separator=self.separator)
        return Pointed(tuple(product_scores(self.index, written, k=k)), found.cut)
