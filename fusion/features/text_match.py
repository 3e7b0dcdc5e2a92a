"""How well a candidate's words are the query's words."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from multirecall.fusion.features.base import MISSING, Column, Feature, constant
from multirecall.fusion.features.pool import Pool

__all__ = ["NearWords", "TextMatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMatch:
    """Coverage of the query by the candidate's name (title and brand) and by all its text, plainly and by idf."""

    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(name="title.coverage", description="share of the query's terms in title or brand", monotone=1),
            Feature(name="title.idf_coverage", description="idf share of the query in title or brand", monotone=1),
            Feature(name="text.coverage", description="share of the query's terms anywhere in the product", monotone=1),
            Feature(name="text.idf_coverage", description="idf share of the query anywhere in the product", monotone=1),
            Feature(name="text.outside_title", description="idf share of the terms found outside title and brand only"),
            Feature(name="title.missing_idf", description="idf of the rarest term that the title lacks", monotone=-1),
            Feature(name="text.missing_idf", description="idf of the rarest term found nowhere", monotone=-1),
            Feature(name="title.rarest", description="1 if title or brand has the query's rarest term", monotone=1),
            Feature(name="title.first", description="1 if title or brand has the query's first term", monotone=1),
            Feature(name="title.last", description="1 if title or brand has the query's last term", monotone=1),
            Feature(name="title.phrase", description="share of the query's word pairs that the title has", monotone=1),
            Feature(name="title.precision", description="share of the title's words that the query has", monotone=1),
            Feature(name="title.other_idf", description="mean idf of the title's words that the query has not"),
            Feature(name="title.first_place", description="place of the first query term in the title, 0 to 1"),
            Feature(name="title.last_place", description="place of the query's last term in the title, 0 to 1"),
            Feature(name="title.length", description="number of words of the title"),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        if not pool.terms:
            nothing = constant(pool, MISSING)
            return [*[nothing] * 15, _lengths(pool)]
        idf, in_name = pool.term_idf, pool.in_name
        anywhere = in_name | pool.in_other
        shares = idf / idf.sum()  # idf is above 0 by its formula
        rarest = int(idf.argmax())
        titles = pool.title_incidence
        asked = np.zeros(len(titles), dtype=np.bool_)
        asked[[titles.index[term] for term in pool.terms if term in titles.index]] = True
        n_words = np.maximum(titles.sums(np.ones(len(titles))), 1.0)
        n_asked = titles.sums(asked.astype(np.float64))
        return [
            in_name.mean(axis=1),
            in_name @ shares,
            anywhere.mean(axis=1),
            anywhere @ shares,
            (pool.in_other & ~in_name) @ shares,
            np.where(in_name, 0.0, idf).max(axis=1),
            np.where(anywhere, 0.0, idf).max(axis=1),
            in_name[:, rarest].astype(np.float64),
            in_name[:, 0].astype(np.float64),
            in_name[:, -1].astype(np.float64),
            _phrases(pool),
            n_asked / n_words,
            titles.sums(np.where(asked, 0.0, pool.title_idf)) / np.maximum(n_words - n_asked, 1.0),
            *_places(pool),
            _lengths(pool),
        ]


def _lengths(pool: Pool) -> Column:
    return np.array([len(words) for words in pool.title_words], dtype=np.float64)


def _phrases(pool: Pool) -> Column:
    pairs = [f" {left} {right} " for left, right in dict.fromkeys(pairwise(pool.terms))]
    if not pairs:
        return constant(pool, MISSING)
    share = np.zeros(len(pool))
    for row in np.flatnonzero(pool.in_name.sum(axis=1) > 1).tolist():
        title = f" {pool.titles[row]} "
        share[row] = sum(pair in title for pair in pairs) / len(pairs)
    return share


def _places(pool: Pool) -> tuple[Column, Column]:
    """Where the first of the query's terms stands in the title, and where its last term does: 0 is the beginning."""
    asked, last = frozenset(pool.terms), pool.terms[-1]
    first_place, last_place = constant(pool, MISSING), constant(pool, MISSING)
    for row in np.flatnonzero(pool.in_name.any(axis=1)).tolist():
        title = pool.title_words[row]
        places = [at for at, word in enumerate(title) if word in asked]
        if not places:  # the brand alone has one
            continue
        first_place[row] = places[0] / len(title)
        if last in title:
            last_place[row] = title.index(last) / len(title)
    return first_place, last_place


@dataclass(frozen=True, slots=True, kw_only=True)
class NearWords:
    """The same with typos allowed: each term counts by the most similar word of title or brand.

    Similarity is Jaccard's of the trigrams of `#word#`, 0 to 1 (1 for the word itself). On the Icecat queries it ranks
    misspelt words better than an edit distance does.
    """

    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(name="title.near", description="mean similarity of the terms to the title's words", monotone=1),
            Feature(
                name="title.idf_near", description="similarity of the terms to the title's words, by idf", monotone=1
            ),
            Feature(name="title.near_least", description="similarity of the term that fits worst", monotone=1),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        if not pool.terms:
            return [constant(pool, MISSING)] * 3
        nearest = pool.in_name.astype(np.float64)
        unmatched = np.flatnonzero(~pool.in_name.all(axis=0))
        titles = pool.title_incidence
        for column in unmatched.tolist():
            similar = _trigram_similarity(pool.terms[column], tuple(titles.index))
            nearest[:, column] = np.maximum(nearest[:, column], titles.largest(similar))
        return [
            nearest.mean(axis=1),
            nearest @ (pool.term_idf / pool.term_idf.sum()),
            nearest.min(axis=1),
        ]


def _trigram_similarity(term: str, words: tuple[str, ...]) -> Column:
    """Jaccard similarity of the trigrams of `#term#` and of each `#word#`. Shape (len(words),)."""
    padded = [f"#{word}#" for word in words]
    trigrams = {f"#{term}#"[at : at + 3] for at in range(len(term))}
    shared = np.zeros(len(words))
    for trigram in trigrams:
        shared += [trigram in word for word in padded]
    lengths = np.array([len(word) for word in words], dtype=np.float64)  # #word# has as many trigrams as word letters
    return shared / (len(trigrams) + lengths - shared)
