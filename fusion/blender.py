"""The blender: LightGBM over features of query, product and routes, trained on judged queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.query import Query
from multirecall.core.ranking import Fused, Hit, Ranking, ScoreKind
from multirecall.fusion.base import Share, check_rankings, fused_hits
from multirecall.fusion.blender_model import BlenderModel
from multirecall.fusion.calibration import cut_of
from multirecall.fusion.explaining import Explanation, explained_by_features, not_a_candidate
from multirecall.fusion.features.base import Column
from multirecall.fusion.features.pool import POOL_FIELDS, Analyse, Pool
from multirecall.fusion.features.product_words import ProductWords

__all__ = ["Blender"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blender:
    """Orders the union of the routes' candidates by the model's score; ties by id.

    A route that did not run is missing to the model, not empty: it was trained with routes left out. So are rewritings
    of the query (`Query.rewritings`). `relevance` of a hit is the calibrated probability. If the best lies below the
    model's threshold, `notes` says that there is no good result. `cut_tail`: the list ends before the first hit whose
    relevance lies below the model's `tail_cut`, never before the second, and `notes` says so. `analyse` must be the
    index's own analysis. Costs some milliseconds for 300 candidates (docs/results/blender.md), no I/O.
    """

    model: BlenderModel
    analyse: Analyse
    name: str
    cut_tail: bool = False
    _words: ProductWords = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.cut_tail and self.model.calibration is None:
            raise InvalidSettings(
                "The blender has no calibrated probabilities to cut the tail by.",
                hint="Train it again, or leave cut=tail away.",
                field="fusion",
            )
        object.__setattr__(self, "_words", ProductWords(self.model.terms))
        self._compile()

    def __repr__(self) -> str:
        return f"Blender({self.name})"

    @property
    def fields(self) -> tuple[str, ...]:
        return POOL_FIELDS

    @property
    def reads_rewritings(self) -> bool:
        return self.model.reads_rewritings

    def pool(self, rankings: Sequence[Ranking], query: Query) -> Pool:
        """The candidates as the features see them."""
        return Pool(
            query,
            rankings,
            routes=self.model.features.routes,
            analyse=self.analyse,
            words=self._words,
            language=self.model.language,
        )

    def __call__(self, rankings: Sequence[Ranking], k: int, query: Query | None = None) -> Fused:
        """Raises InvalidInput without the query: most features compare the product with it."""
        if query is None:
            raise InvalidInput("The blender needs the query.", field="query")
        if k < 0:
            raise InvalidInput(f"k must be 0 or more, got {k}.", field="k")
        check_rankings(rankings)
        pool = self.pool(rankings, query)
        scores = self.model.scores(self.model.features.matrix(pool, wanted=self.model.used))
        best = np.argsort(-scores, kind="stable")[:k]  # the pool's ids rise, so ties stay in the order rule
        relevance = self._relevance(scores[best])
        notes: tuple[str, ...] = ()
        if relevance is not None:
            kept = self._end(relevance)
            notes = tuple(self._notes(relevance, kept))
            best, relevance = best[:kept], relevance[:kept]
        found = [pool.ids[position] for position in best.tolist()]
        by_route = {ranking.route: ranking for ranking in rankings}
        shares = [  # a route that the model does not know has no share
            Share(ranking=by_route[name], normalised=columns.normalised[columns.positions].tolist())
            for name, columns in pool.routes.items()
            if columns.ran
        ]
        return Fused(
            fusion=repr(self),
            hits=fused_hits(found, scores[best].tolist(), shares, None if relevance is None else relevance.tolist()),
            notes=notes,
        )

    def explain(self, rankings: Sequence[Ranking], query: Query, ids: Sequence[str]) -> tuple[Explanation, ...]:
        """What each feature adds to the score of each of `ids`, in their order (`ExplainsItself`).

        Costs the features once more, and some milliseconds per product for the trees. Raises NotFound for a product
        that no route of the model found.
        """
        check_rankings(rankings)
        pool = self.pool(rankings, query)
        at = {product_id: position for position, product_id in enumerate(pool.ids)}
        for product_id in ids:
            if product_id not in at:
                raise not_a_candidate(product_id, len(pool))
        matrix = self.model.features.matrix(pool)[[at[product_id] for product_id in ids]]
        described = {feature.name: feature.description for feature in self.model.features.features}
        return tuple(
            explained_by_features(product_id, score, described, values, contributions)
            for product_id, score, values, contributions in zip(
                ids,
                self.model.scores(matrix).tolist(),
                matrix.tolist(),
                self.model.contributions(matrix).tolist(),
                strict=True,
            )
        )

    def _compile(self) -> None:
        """Has all features of two products that do not exist computed once: what is compiled is compiled now."""
        query = Query(raw="a1", text="a1", codes=("a1",))
        nothing = Ranking(
            route=self.model.features.routes[0],
            kind=ScoreKind.RANK,
            hits=(Hit(id="", score=1.0, rank=1, fields={}), Hit(id="a", score=1.0, rank=2, fields={})),
        )
        self.model.scores(self.model.features.matrix(self.pool([nothing], query)))

    def _relevance(self, scores: Column) -> Column | None:
        return None if self.model.calibration is None else self.model.calibration(scores)

    def _end(self, relevance: Column) -> int:
        """How many products of the list stay."""
        return max(1, cut_of(relevance, self.model.tail_cut)) if self.cut_tail else len(relevance)

    def _notes(self, relevance: Column, kept: int) -> Iterator[str]:
        if len(relevance) and relevance[0] < self.model.no_good_result:
            yield f"No good result: the best is relevant with a probability of {relevance[0]:.2f} only."
        if kept < len(relevance):
            yield (
                f"The list ends after {kept} product{'' if kept == 1 else 's'}: the next one is relevant with a "
                f"probability of {relevance[kept]:.2f} only."
            )
