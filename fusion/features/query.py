"""What kind of query it is: the same for all candidates, so that the model can weigh the routes by it."""

from __future__ import annotations

import numpy as np

from multirecall.core.codes import looks_like_part_number
from multirecall.core.language import CODES, UNCLEAR, guess_language
from multirecall.fusion.features.base import MISSING, Feature, FeatureGroup
from multirecall.fusion.features.pool import Pool

__all__ = ["QUERY_SHAPE"]


def _unknown_share(pool: Pool) -> float:
    return float(1.0 - pool.words.statistics.knows(pool.terms).mean()) if pool.terms else MISSING


def _is_foreign(pool: Pool) -> float:
    own, found = CODES.get(pool.language), guess_language(pool.query.text)
    return MISSING if own is None or found == UNCLEAR else float(found != own)


QUERY_SHAPE: FeatureGroup[Pool] = FeatureGroup(
    name="QueryShape",
    view=lambda pool: pool,
    features=(
        Feature(
            name="query.terms", description="number of different terms", column=lambda pool: float(len(pool.terms))
        ),
        Feature(
            name="query.characters", description="number of characters", column=lambda pool: float(len(pool.query.text))
        ),
        Feature(name="query.numbers", description="number of numbers", column=lambda pool: float(len(pool.numbers))),
        Feature(
            name="query.sizes",
            description="number of codes with a digit: sizes, units, part numbers",
            column=lambda pool: float(len(pool.codes)),
        ),
        Feature(
            name="query.part_numbers",
            description="number of codes that look like part numbers",
            column=lambda pool: float(sum(map(looks_like_part_number, pool.codes))),
        ),
        Feature(
            name="query.idf_max",
            description="idf of the rarest term",
            column=lambda pool: float(pool.term_idf.max()) if pool.terms else MISSING,
        ),
        Feature(
            name="query.idf_mean",
            description="mean idf of the terms",
            column=lambda pool: float(pool.term_idf.mean()) if pool.terms else MISSING,
        ),
        Feature(
            name="query.idf_min",
            description="idf of the most common term",
            column=lambda pool: float(pool.term_idf.min()) if pool.terms else MISSING,
        ),
        Feature(
            name="query.unknown_terms", description="share of the terms that no product holds", column=_unknown_share
        ),
        Feature(
            name="query.foreign",
            description="1 if it is in another language than the index, 0 if in the same; missing if nothing tells",
            column=_is_foreign,
        ),
        Feature(
            name="query.names_brand",
            description="1 if a candidate's whole brand stands in the query",
            column=lambda pool: float(np.any(pool.compared.brand_is_named)),
        ),
    ),
)
