"""What kind of query it is: the same for all candidates, so that the model can weigh the routes by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multirecall.core.codes import looks_like_part_number
from multirecall.fusion.features.base import MISSING, Column, Feature, constant
from multirecall.fusion.features.pool import Pool

__all__ = ["QueryShape"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryShape:
    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(name="query.terms", description="number of different terms"),
            Feature(name="query.characters", description="number of characters"),
            Feature(name="query.numbers", description="number of numbers"),
            Feature(name="query.sizes", description="number of codes with a digit: sizes, units, part numbers"),
            Feature(name="query.part_numbers", description="number of codes that look like part numbers"),
            Feature(name="query.idf_max", description="idf of the rarest term"),
            Feature(name="query.idf_mean", description="mean idf of the terms"),
            Feature(name="query.idf_min", description="idf of the most common term"),
            Feature(name="query.unknown_terms", description="share of the terms that no product holds"),
            Feature(name="query.names_brand", description="1 if a candidate's whole brand stands in the query"),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        idf = pool.term_idf
        any_term = len(idf) > 0
        values = (
            float(len(pool.terms)),
            float(len(pool.query.text)),
            float(len(pool.numbers)),
            float(len(pool.codes)),
            float(sum(map(looks_like_part_number, pool.codes))),
            float(idf.max()) if any_term else MISSING,
            float(idf.mean()) if any_term else MISSING,
            float(idf.min()) if any_term else MISSING,
            float(1.0 - pool.statistics.knows(pool.terms).mean()) if any_term else MISSING,
            float(np.any(pool.brand_is_named)),
        )
        return [constant(pool, value) for value in values]
