"""What the strong offline pipeline finds: BM25 and dense for every rewriting, and the evidence for each product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from multirecall.core.codes import query_codes
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, EngineRequest, EngineResult, Text, Vector
from multirecall.training.synthesis.mine import asked

__all__ = ["Candidate", "CatalogueText", "Find", "StrongPipeline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueText:
    """What scorers read of a product: `leaf` is the last category, `text` all that the index holds of its words."""

    title: str
    leaf: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """How one rewriting found a product: its ranks from 1 on (0: not among the first k), its BM25 score as a share of
    the best product's, and its cosine."""

    rewriting: Rewriting
    bm25_rank: int = 0
    bm25: float = 0.0
    dense_rank: int = 0
    cosine: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A product that some rewriting of the query found, with every find, the best first."""

    id: str
    finds: tuple[Find, ...]
    about: CatalogueText = field(compare=False)

    @property
    def best(self) -> Find:
        return self.finds[0]


class StrongPipeline:
    """Union of the `k` best by BM25 and the `k` nearest by vector, for every rewriting, in one round trip."""

    def __init__(
        self,
        engine: Engine,
        *,
        encoder: Encoder | None,
        vector_field: str = "dense",
        k: int = 100,
        index: str | None = None,
    ) -> None:
        """Without an encoder by BM25 alone. `index` None: the live one, of that moment for all queries."""
        self._engine = engine
        self._encoder = encoder
        self._field = vector_field
        self._k = k
        self._index = index or engine.info().name
        self._known: dict[str, CatalogueText] = {}
        self._last: tuple[tuple[Rewriting, ...], list[Candidate]] = ((), [])

    @property
    def identity(self) -> str:
        """What its answers depend on."""
        return f"{self._engine.url} {self._index} k={self._k} {self._encoder.fingerprint if self._encoder else ''}"

    def candidates(self, rewritings: Sequence[Rewriting]) -> list[Candidate]:
        """What they find together, by id. Raises EngineUnavailable for an answer that is not complete.

        The last answer is kept: wordings of one need follow each other and often have the same rewritings.
        """
        if self._last[0] != tuple(rewritings):
            self._last = (tuple(rewritings), self._candidates(rewritings))
        return list(self._last[1])

    def _candidates(self, rewritings: Sequence[Rewriting]) -> list[Candidate]:
        texts = [one.text for one in rewritings]
        requests = [EngineRequest(clause=Text(text=text, codes=query_codes(text)), k=self._k) for text in texts]
        vectors = self._encoder.encode_queries(texts) if self._encoder is not None else np.zeros((0, 1), np.float32)
        near = [at for at in range(len(vectors)) if vectors[at].any()]
        requests += [EngineRequest(clause=Vector(field=self._field, vector=vectors[at]), k=self._k) for at in near]
        results = asked(self._engine, requests, self._index)
        finds: dict[str, dict[int, Find]] = {}
        for at, result in enumerate(results[: len(texts)]):
            _add(finds, at, rewritings[at], result, dense=False)
        for at, result in zip(near, results[len(texts) :], strict=True):
            _add(finds, at, rewritings[at], result, dense=True)
        about = self._texts_of(sorted(finds))
        return [
            Candidate(id=name, finds=tuple(sorted(found.values(), key=_strength)), about=about[name])
            for name, found in sorted(finds.items())
            if name in about
        ]

    def _texts_of(self, ids: Sequence[str]) -> dict[str, CatalogueText]:
        unknown = [name for name in ids if name not in self._known]
        if unknown:
            fields = ("title", "category_path", "brand", "attributes", "description")
            for name, row in zip(unknown, self._engine.fetch(unknown, fields, index=self._index), strict=True):
                if row is not None:  # deleted since the search: it cannot be an answer
                    self._known[name] = _about(row)
        return {name: self._known[name] for name in ids if name in self._known}


def _about(row: object) -> CatalogueText:
    record = row if isinstance(row, dict) else dict(row)  # type: ignore[call-overload]
    path = record.get("category_path") or ()
    values = (record.get("attributes") or {}).values()
    said = [str(part) for value in values for part in (value if isinstance(value, list | tuple) else (value,))]
    title = str(record.get("title") or "")
    parts = (title, *path, str(record.get("brand") or ""), *said, str(record.get("description") or ""))
    return CatalogueText(title=title, leaf=str(path[-1]) if path else "", text=" ".join(parts))


def _add(
    finds: dict[str, dict[int, Find]], at: int, rewriting: Rewriting, result: EngineResult, *, dense: bool
) -> None:
    best = result.hits[0].score if result.hits else 1.0
    for rank, hit in enumerate(result.hits, start=1):
        before = finds.setdefault(hit.id, {}).get(at, Find(rewriting=rewriting))
        finds[hit.id][at] = (
            Find(
                rewriting=rewriting,
                bm25_rank=before.bm25_rank,
                bm25=before.bm25,
                dense_rank=rank,
                cosine=hit.score,
            )
            if dense
            else Find(rewriting=rewriting, bm25_rank=rank, bm25=hit.score / best if best > 0 else 0.0)
        )


def _strength(find: Find) -> tuple[float, str]:
    """Best first: reciprocal ranks of both routes, weighted by what the rewriting is worth; then by text."""
    ranks = sum(1.0 / (60 + rank) for rank in (find.bm25_rank, find.dense_rank) if rank)
    return (-find.rewriting.confidence * ranks, find.rewriting.text)
