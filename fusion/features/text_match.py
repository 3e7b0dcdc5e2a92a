"""How well a candidate's words are the query's words."""

from __future__ import annotations

from multirecall.fusion.features.base import Feature, FeatureGroup
from multirecall.fusion.features.comparing import Match
from multirecall.fusion.features.pool import Pool

__all__ = ["NEAR_WORDS", "TEXT_MATCH"]


def _match(pool: Pool) -> Match:
    return pool.compared.match


TEXT_MATCH: FeatureGroup[Match] = FeatureGroup(
    name="TextMatch",  # coverage of the query by the name (title and brand) and by all text, plainly and by idf
    view=_match,
    features=(
        Feature(
            name="title.coverage",
            description="share of the query's terms in title or brand",
            monotone=1,
            column=lambda match: match.name_share,
        ),
        Feature(
            name="title.idf_coverage",
            description="idf share of the query in title or brand",
            monotone=1,
            column=lambda match: match.name_idf,
        ),
        Feature(
            name="text.coverage",
            description="share of the query's terms anywhere in the product",
            monotone=1,
            column=lambda match: match.any_share,
        ),
        Feature(
            name="text.idf_coverage",
            description="idf share of the query anywhere in the product",
            monotone=1,
            column=lambda match: match.any_idf,
        ),
        Feature(
            name="text.outside_title",
            description="idf share of the terms found outside title and brand only",
            column=lambda match: match.outside_idf,
        ),
        Feature(
            name="title.missing_idf",
            description="idf of the rarest term that the title lacks",
            monotone=-1,
            column=lambda match: match.name_lacks,
        ),
        Feature(
            name="text.missing_idf",
            description="idf of the rarest term found nowhere",
            monotone=-1,
            column=lambda match: match.any_lacks,
        ),
        Feature(
            name="title.rarest",
            description="1 if title or brand has the query's rarest term",
            monotone=1,
            column=lambda match: match.has_rarest,
        ),
        Feature(
            name="title.first",
            description="1 if title or brand has the query's first term",
            monotone=1,
            column=lambda match: match.has_first,
        ),
        Feature(
            name="title.last",
            description="1 if title or brand has the query's last term",
            monotone=1,
            column=lambda match: match.has_last,
        ),
        Feature(
            name="title.phrase",
            description="share of the query's word pairs that the title has",
            monotone=1,
            column=lambda match: match.pairs,
        ),
        Feature(
            name="title.precision",
            description="share of the title's words that the query has",
            monotone=1,
            column=lambda match: match.precision,
        ),
        Feature(
            name="title.other_idf",
            description="mean idf of the title's words that the query has not",
            column=lambda match: match.other_idf,
        ),
        Feature(
            name="title.first_place",
            description="place of the first query term in the title, 0 to 1",
            column=lambda match: match.first_place,
        ),
        Feature(
            name="title.last_place",
            description="place of the query's last term in the title, 0 to 1",
            column=lambda match: match.last_place,
        ),
        Feature(
            name="title.length",
            description="number of words of the title",
            column=lambda match: match.length,
        ),
    ),
)


# Typos allowed: each term counts by the most similar word of title or brand, 0 to 1 (1 for the word itself). Similarity
# is Jaccard's of the trigrams of `#word#`: on the Icecat queries it ranks misspelt words better than an edit distance.
NEAR_WORDS: FeatureGroup[Match] = FeatureGroup(
    name="NearWords",
    view=_match,
    features=(
        Feature(
            name="title.near",
            description="mean similarity of the terms to the title's words",
            monotone=1,
            column=lambda match: match.near,
        ),
        Feature(
            name="title.idf_near",
            description="similarity of the terms to the title's words, by idf",
            monotone=1,
            column=lambda match: match.near_idf,
        ),
        Feature(
            name="title.near_least",
            description="similarity of the term that fits worst",
            monotone=1,
            column=lambda match: match.near_least,
        ),
    ),
)
