"""What a search knows of a query and a product: the blender's features, for any product of the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.core.ranking import FieldValue, Ranking, ranked_hits
from multirecall.engines.analysis import terms
from multirecall.engines.base import Engine, IndexInfo
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.pool import POOL_FIELDS, Pool
from multirecall.fusion.features.product_words import ProductWords
from multirecall.indexer.projection import category_prefixes
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand
from multirecall.training.blender.collecting import count_terms

__all__ = ["Evidence", "open_evidence"]

Floats = NDArray[np.float64]

_DENSE = "dense"
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Features of (query, product) pairs, by the routes of a searcher and the words that its index holds."""

    searcher: Searcher
    engine: Engine
    index: str
    features: FeatureSet
    words: ProductWords
    language: str
    vector_field: str = ""
    """Of the route `dense`; empty for an index without vectors."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of the columns of `of`."""
        return self.features.names

    def of(self, query: str, products: Sequence[str]) -> Floats:
        """Shape (products, features). A product that the index does not have gives a row of NaN, and so does any for a
        query without letter and digit.

        All candidates of the query's search are looked at along with the products that are asked for, since what a
        product is like is told by what else is found. Products that no route found are put at the end of the route
        `dense` by their true cosine. Asks the engine twice. Raises InvalidInput for an incomplete answer.
        """
        answer = self.searcher.rank(understand(query), 1, timeout_s=_TIMEOUT_S, fields=POOL_FIELDS)
        if answer.degraded:
            raise InvalidInput(
                f"The answer to {query!r} is incomplete: {dict(answer.degraded)}.",
                hint="See why the route fails: multirecall search.",
                field="queries",
            )
        if not answer.rankings:  # no letter and no digit: nothing was asked
            return np.full((len(products), len(self.names)), np.nan)
        found = {hit.id for ranking in answer.rankings for hit in ranking.hits}
        beyond = [one for one in dict.fromkeys(products) if one not in found]
        pool = Pool(
            answer.query,
            self._with(beyond, query, answer.rankings),
            routes=self.features.routes,
            analyse=partial(terms, language=self.language),
            words=self.words,
            language=self.language,
        )
        row_of = {one: at for at, one in enumerate(pool.ids)}
        matrix = np.concatenate([self.features.matrix(pool), np.full((1, len(self.names)), np.nan)])
        return matrix[[row_of.get(one, len(row_of)) for one in products]]

    def _with(self, beyond: Sequence[str], query: str, rankings: Sequence[Ranking]) -> tuple[Ranking, ...]:
        """The rankings, with products that none of them has added to one of them."""
        if not beyond:
            return tuple(rankings)
        vector = f"vectors.{self.vector_field}"
        fields = (*POOL_FIELDS, "category_path", *([vector] if self.vector_field else []))
        records = self.engine.fetch(beyond, fields, index=self.index)
        of_query = self.searcher.encoders[self.vector_field].encode_queries([query])[0] if self.vector_field else None
        added = []
        for one, record in zip(beyond, records, strict=True):
            if record is None:
                continue
            held = record.get(vector)
            cosine = float(of_query @ np.asarray(held, dtype=np.float32)) if of_query is not None and held else 0.0
            added.append((one, cosine, _stored(record)))
        at = next((n for n, ranking in enumerate(rankings) if ranking.route == _DENSE), 0)
        longer = [(hit.id, hit.score, hit.fields) for hit in rankings[at].hits] + added
        return tuple(
            replace(ranking, hits=ranked_hits(longer), brought_by=(), rewritings=()) if n == at else ranking
            for n, ranking in enumerate(rankings)
        )


def open_evidence(searcher: Searcher, engine: Engine, index: IndexInfo, *, rewritings: bool = False) -> Evidence:
    """Evidence by all routes of a searcher. Reads the words of the whole index once.

    `rewritings`: the searcher has rewriters, and what they say is compared with the products as well.
    """
    counted = count_terms(engine.scan(["match_text"], index=index.name))
    routes = tuple(sorted(route.name for route in searcher.routes))
    dense = _DENSE in routes and bool(index.schema.vectors)
    return Evidence(
        searcher=searcher,
        engine=engine,
        index=index.name,
        features=FeatureSet(routes=routes, rewritings=rewritings),
        words=ProductWords(counted),
        language=index.schema.language,
        vector_field=index.schema.vectors[0].name if dense else "",
    )


def _stored(record: Mapping[str, Any]) -> Mapping[str, FieldValue]:
    """A record's values as they come with a hit: the category is all prefixes of its path."""
    values = {name: record[name] for name in POOL_FIELDS if record.get(name) is not None}
    path = record.get("category_path") or ()
    if path:
        values["category"] = tuple(sorted(category_prefixes(path)))
    return values
