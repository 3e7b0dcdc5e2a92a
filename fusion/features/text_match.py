"""How well a candidate's words are the query's words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Floats
from multirecall.fusion.features.pool import Pool

__all__ = ["NEAR_WORDS", "TEXT_MATCH"]


class _Text:
    """Where the query's terms stand. A query without terms is one term of which nothing is known: all is missing."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        unknown = np.full((len(pool), 1), MISSING)
        self.idf = pool.term_idf if pool.terms else unknown[0]
        self.in_name = pool.in_name if pool.terms else unknown
        self.in_other = pool.in_other if pool.terms else unknown
        self.anywhere = np.maximum(self.in_name, self.in_other)
        self.shares = self.idf / self.idf.sum()  # idf is above 0 by its formula
        titles = pool.title_incidence
        asked = pool.asked_title_words[titles.numbers] >= 0
        self.n_words = np.maximum(titles.lengths, 1.0)
        self.n_asked = titles.sums(asked.astype(np.float64)) if pool.terms else unknown[:, 0]
        self.other_idf = titles.sums(np.where(asked, 0.0, pool.title_idf))

    def phrases(self) -> Column | float:
        """Per candidate the share of the query's word pairs that stand in its title one after the other."""
        n_pairs = len(self.pool.terms) - 1
        if n_pairs < 1:
            return MISSING
        place, title = self.pool.title_place, self.pool.title
        at = ((place[:-1] >= 0) & (place[1:] == place[:-1] + 1)).nonzero()[0]
        row = title.rows(at)
        within = row == title.rows(at + 1)
        found = np.zeros((len(self.pool), n_pairs))
        found[row[within], place[at[within]]] = 1.0
        share: Column = found.sum(axis=1) / n_pairs
        return share

    def first_place(self) -> Column:
        return self._first(self.pool.title_place >= 0)

    def last_place(self) -> Column:
        return self._first(self.pool.title_place == max(len(self.pool.terms) - 1, 0))

    def _first(self, sought: NDArray[np.bool_]) -> Column:
        """Where the first of the sought words of a title stands: 0 is the beginning, missing if it has none."""
        title = self.pool.title
        at = sought.nonzero()[0][::-1]  # the first of a row is written last, and stays
        first = np.full(len(self.pool), MISSING)
        first[title.rows(at)] = at
        place: Column = (first - (title.ends - title.lengths)) / np.maximum(title.lengths, 1)
        return place


TEXT_MATCH: FeatureGroup[_Text] = FeatureGroup(
    name="TextMatch",  # coverage of the query by the name (title and brand) and by all text, plainly and by idf
    view=_Text,
    features=(
        Feature(
            name="title.coverage",
            description="share of the query's terms in title or brand",
            monotone=1,
            column=lambda text: text.in_name.mean(axis=1),
        ),
        Feature(
            name="title.idf_coverage",
            description="idf share of the query in title or brand",
            monotone=1,
            column=lambda text: text.in_name @ text.shares,
        ),
        Feature(
            name="text.coverage",
            description="share of the query's terms anywhere in the product",
            monotone=1,
            column=lambda text: text.anywhere.mean(axis=1),
        ),
        Feature(
            name="text.idf_coverage",
            description="idf share of the query anywhere in the product",
            monotone=1,
            column=lambda text: text.anywhere @ text.shares,
        ),
        Feature(
            name="text.outside_title",
            description="idf share of the terms found outside title and brand only",
            column=lambda text: (text.anywhere - text.in_name) @ text.shares,
        ),
        Feature(
            name="title.missing_idf",
            description="idf of the rarest term that the title lacks",
            monotone=-1,
            column=lambda text: ((1.0 - text.in_name) * text.idf).max(axis=1),
        ),
        Feature(
            name="text.missing_idf",
            description="idf of the rarest term found nowhere",
            monotone=-1,
            column=lambda text: ((1.0 - text.anywhere) * text.idf).max(axis=1),
        ),
        Feature(
            name="title.rarest",
            description="1 if title or brand has the query's rarest term",
            monotone=1,
            column=lambda text: text.in_name[:, int(text.idf.argmax())],
        ),
        Feature(
            name="title.first",
            description="1 if title or brand has the query's first term",
            monotone=1,
            column=lambda text: text.in_name[:, 0],
        ),
        Feature(
            name="title.last",
            description="1 if title or brand has the query's last term",
            monotone=1,
            column=lambda text: text.in_name[:, -1],
        ),
        Feature(
            name="title.phrase",
            description="share of the query's word pairs that the title has",
            monotone=1,
            column=lambda text: text.phrases(),
        ),
        Feature(
            name="title.precision",
            description="share of the title's words that the query has",
            monotone=1,
            column=lambda text: text.n_asked / text.n_words,
        ),
        Feature(
            name="title.other_idf",
            description="mean idf of the title's words that the query has not",
            column=lambda text: text.other_idf / np.maximum(text.n_words - text.n_asked, 1.0),
        ),
        Feature(
            name="title.first_place",
            description="place of the first query term in the title, 0 to 1",
            column=lambda text: text.first_place(),
        ),
        Feature(
            name="title.last_place",
            description="place of the query's last term in the title, 0 to 1",
            column=lambda text: text.last_place(),
        ),
        Feature(
            name="title.length",
            description="number of words of the title",
            column=lambda text: text.pool.title.lengths,
        ),
    ),
)


class _Near:
    """Typos allowed: each term counts by the most similar word of title or brand.

    Similarity is Jaccard's of the trigrams of `#word#`, 0 to 1 (1 for the word itself). On the Icecat queries it ranks
    misspelt words better than an edit distance does.
    """

    def __init__(self, pool: Pool) -> None:
        self.nearest = _nearest(pool) if pool.terms else np.full((len(pool), 1), MISSING)
        self.shares = pool.term_idf / pool.term_idf.sum() if pool.terms else np.ones(1)


def _nearest(pool: Pool) -> Floats:
    nearest = pool.in_name.copy()
    titles = pool.title_incidence
    unmatched = np.flatnonzero(~pool.in_name.all(axis=0)).tolist()
    for term in unmatched:
        similar = pool.lexicon.similarity(pool.terms[term], titles.numbers)
        nearest[:, term] = np.maximum(nearest[:, term], titles.largest(similar))
    return nearest


NEAR_WORDS: FeatureGroup[_Near] = FeatureGroup(
    name="NearWords",
    view=_Near,
    features=(
        Feature(
            name="title.near",
            description="mean similarity of the terms to the title's words",
            monotone=1,
            column=lambda near: near.nearest.mean(axis=1),
        ),
        Feature(
            name="title.idf_near",
            description="similarity of the terms to the title's words, by idf",
            monotone=1,
            column=lambda near: near.nearest @ near.shares,
        ),
        Feature(
            name="title.near_least",
            description="similarity of the term that fits worst",
            monotone=1,
            column=lambda near: near.nearest.min(axis=1),
        ),
    ),
)
