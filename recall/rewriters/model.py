"""ModelRewriter: several rewrites of one query by a language model, each read with distrust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.fingerprint import fingerprint
from multirecall.recall.rewriters import reading, trusting
from multirecall.recall.rewriters.generator import Generated, Generator
from multirecall.recall.rewriters.trusting import CatalogueWords

__all__ = ["DEFAULT_REWRITES", "MAX_ASKED_CHARS", "ModelRewriter", "asked_text"]

DEFAULT_REWRITES = 5
MAX_ASKED_CHARS = 300
"""A longer text is no query that a model could make a better one of: it is not asked."""


def asked_text(query: Query) -> str:
    """What the model is given, and remembers an answer by: case and spacing do not make another question. Empty: it is
    not asked."""
    text = " ".join(query.text.lower().split())
    return text if len(text) <= MAX_ASKED_CHARS else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRewriter:
    """At most `n` rewritings of what `generator` answers. `words` are the catalogue's, for how far to trust them.

    Answers are read anew each time, wherever they were kept meanwhile: what lies in a cache is as untrusted as the
    model, and a new catalogue or a better reader needs no new answers.
    """

    generator: Generator
    n: int = DEFAULT_REWRITES
    words: CatalogueWords | None = None
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        if not 1 <= self.n <= 20:
            raise InvalidInput(f"A model is asked for 1 to 20 rewrites, got {self.n}.", field="n")
        depends_on = {
            "generator": self.generator.fingerprint,
            "n": self.n,
            "words": self.words.fingerprint if self.words is not None else "",
            "versions": [reading.VERSION, trusting.VERSION],
        }
        object.__setattr__(self, "fingerprint", fingerprint(depends_on))  # once: each look at the search cache reads it

    @property
    def name(self) -> str:
        return "model"

    @property
    def is_model(self) -> bool:
        return True

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """Confidence descending, then as the model had them. Raises DeadlineExceeded, EncoderError."""
        return self.rewrite_many([query], deadline)[0]

    def rewrite_many(self, queries: Sequence[Query], deadline: Deadline) -> list[tuple[Rewriting, ...]]:
        """The same for several, which the model may take together."""
        texts = [asked_text(query) for query in queries]
        asked = list(dict.fromkeys(text for text in texts if text))
        answers = dict(zip(asked, self.generator.generate(asked, deadline), strict=True)) if asked else {}
        return [
            self._read(query.text, answers[text]) if text else () for query, text in zip(queries, texts, strict=True)
        ]

    def _read(self, query: str, answer: Generated) -> tuple[Rewriting, ...]:
        read = reading.read_answer(answer.text, query)
        kept: list[Rewriting] = []
        dropped = list(read.dropped)
        for text in read.texts:
            found = trusting.trust(
                query, text, position=len(kept), log_probability=answer.log_probability, words=self.words
            )
            if found.refused:
                dropped.append(f"{found.refused}: {text}")
            elif len(kept) < self.n:
                log = (f"{query[:200]} → {text}", *found.why)
                kept.append(Rewriting(text=text, by=self.name, confidence=found.confidence, log=log))
        if kept and dropped:  # told with the best one, where whoever looks for them finds them
            kept[0] = _with_log(kept[0], dropped)
        return tuple(sorted(kept, key=lambda one: -one.confidence))


def _with_log(rewriting: Rewriting, dropped: Sequence[str]) -> Rewriting:
    told = tuple(f"dropped, {reason}" for reason in dropped[:5])
    more = (f"and {len(dropped) - 5} more",) if len(dropped) > 5 else ()
    return Rewriting(
        text=rewriting.text,
        by=rewriting.by,
        confidence=rewriting.confidence,
        log=(*rewriting.log, *told, *more),
    )
