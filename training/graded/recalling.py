"""What an encoder finds for a query, and how near it puts the products that were judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from multirecall.core.codes import query_codes
from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.engines.base import Engine, EngineRequest, Text, Vector
from multirecall.search.understand import understand
from multirecall.training.synthesis.mine import asked

__all__ = ["EngineRecall", "ExactRecall", "Recall", "Seen", "lexical_hits"]

_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Of one query: the nearest products with their cosines, best first (ties by id), and the cosine of each product
    that was asked for, in the order of asking; NaN for one that is not there."""

    nearest: tuple[tuple[str, float], ...]
    cosines: tuple[float, ...]


class Recall(Protocol):
    """The dense route of some encoder over some products."""

    def look(self, queries: Sequence[str], products: Sequence[Sequence[str]], k: int) -> list[Seen]:
        """For each query the `k` nearest products, and the cosines of these products (one list for each query)."""
        ...


class ExactRecall:
    """Every product looked at, by a matrix product: for an encoder in training, whose vectors no index has."""

    def __init__(self, ids: Sequence[str], vectors: Float32Array, encode: Callable[[Sequence[str]], Float32Array]):
        """`vectors`: shape (ids, dim), of length 1; `encode` makes the same of queries. Raises InvalidInput if `ids` do
        not fit or repeat."""
        self._at = {one: at for at, one in enumerate(ids)}
        if len(vectors) != len(ids) or len(self._at) != len(ids):
            raise InvalidInput(f"{len(ids)} ids, {len(self._at)} different, for {len(vectors)} vectors.", field="ids")
        self._ids = np.array(ids, dtype=object)
        self._vectors = vectors
        self._encode = encode

    def look(self, queries: Sequence[str], products: Sequence[Sequence[str]], k: int) -> list[Seen]:
        """As `Recall.look`. Memory: 256 queries by all products, as float32."""
        found = []
        for start in range(0, len(queries), _BATCH):
            cosines = self._encode(queries[start : start + _BATCH]) @ self._vectors.T
            for row, wanted in zip(cosines, products[start : start + _BATCH], strict=True):
                found.append(
                    Seen(
                        nearest=self._nearest(row, k),
                        cosines=tuple(
                            float(row[at]) if (at := self._at.get(one)) is not None else np.nan for one in wanted
                        ),
                    )
                )
        return found

    def _nearest(self, row: Float32Array, k: int) -> tuple[tuple[str, float], ...]:
        k = min(k, len(row))
        places = np.argpartition(-row, k - 1)[:k] if k else np.empty(0, dtype=np.int64)
        return tuple(sorted(((self._ids[at], float(row[at])) for at in places), key=lambda hit: (-hit[1], hit[0])))


class EngineRecall:
    """The vectors of an index, by the encoder that made them."""

    def __init__(self, engine: Engine, encoder: Encoder, *, field: str = "dense", index: str | None = None) -> None:
        """`index` None: the live one of this moment, for all that is asked."""
        self._engine = engine
        self._encoder = encoder
        self._field = field
        self._index = index or engine.info().name

    def look(self, queries: Sequence[str], products: Sequence[Sequence[str]], k: int) -> list[Seen]:
        """As `Recall.look`, by the approximate neighbours of the index. Raises EngineUnavailable for an answer that is
        not complete."""
        vectors = self._encoder.encode_queries(list(queries))
        known = [at for at in range(len(queries)) if vectors[at].any()]
        requests = [EngineRequest(clause=Vector(field=self._field, vector=vectors[at]), k=k) for at in known]
        results = dict(zip(known, asked(self._engine, requests, self._index), strict=True))
        name = f"vectors.{self._field}"
        found = []
        for at, wanted in enumerate(products):
            records = self._engine.fetch(list(wanted), (name,), index=self._index)
            held = [(record or {}).get(name) for record in records]
            found.append(
                Seen(
                    nearest=tuple((hit.id, hit.score) for hit in results[at].hits) if at in results else (),
                    cosines=tuple(
                        float(vectors[at] @ np.asarray(one, dtype=np.float32)) if one else np.nan for one in held
                    ),
                )
            )
        return found


def lexical_hits(engine: Engine, queries: Sequence[str], k: int, *, index: str | None = None) -> list[list[str]]:
    """The ids of the `k` best by BM25 for each query. Raises EngineUnavailable for an answer that is not complete."""
    texts = [understand(query).text for query in queries]
    known = [at for at, text in enumerate(texts) if text]
    requests = [EngineRequest(clause=Text(text=texts[at], codes=query_codes(texts[at])), k=k) for at in known]
    found: list[list[str]] = [[] for _ in queries]
    for at, result in zip(known, asked(engine, requests, index), strict=True):
        found[at] = [hit.id for hit in result.hits]
    return found
