"""Comparing: one text with the match texts of all candidates of a pool, in one compiled step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled, part
from multirecall.fusion.features.incidence import Flags, Floats, Integers
from multirecall.fusion.features.lexicon import trigrams
from multirecall.fusion.features.texts import Texts, find

__all__ = ["Compared", "Match"]


class Match(NamedTuple):
    """How well each candidate matches. Shapes (n,); without terms all is missing but the length.

    In the name (title and brand), and anywhere: the share of the terms found, the same by idf, and the idf of the
    rarest that is not found. Then the idf share found outside the name only; whether the name has the rarest, the
    first and the last term; the share of the text's pairs of words that the title has; the share of the title's words
    that are terms, the mean idf of those that are not; where the first term, and the last term, stand in the title, 0
    to 1; the words of the title; and how similar the title's words are to the terms: on average, by idf, and to the
    term that fits worst.
    """

    name_share: Floats
    any_share: Floats
    name_idf: Floats
    any_idf: Floats
    name_lacks: Floats
    any_lacks: Floats
    outside_idf: Floats
    has_rarest: Floats
    has_first: Floats
    has_last: Floats
    pairs: Floats
    precision: Floats
    other_idf: Floats
    first_place: Floats
    last_place: Floats
    length: Floats
    near: Floats
    near_idf: Floats
    near_least: Floats


class Compared:
    """`in_name`, `anywhere`: whether a candidate has a term there, shapes (n, number of terms); `brand_is_named` (n,):
    whether it has a brand of whose words all are terms."""

    def __init__(self, texts: Texts, terms: Sequence[str], idf: Floats) -> None:
        lexicon = texts.lexicon
        sought = [trigrams(term) for term in terms]
        self.in_name, self.anywhere, self.brand_is_named, columns = _compared(
            texts.words,
            texts.at,
            texts.vocabulary,
            texts.title_idf,
            texts.letters,
            texts.grams,
            np.array([lexicon.title_words.get(term, -1) for term in terms], dtype=np.int32),
            np.array([lexicon.other_words.get(term, -1) for term in terms], dtype=np.int32),
            np.array([lexicon.grams.get(gram, -1) for grams in sought for gram in grams], dtype=np.int32),
            np.array([*map(len, sought)], dtype=np.int32),
            idf,
        )
        self.match = Match(*columns)


@compiled
def _compared(
    words: Integers,
    at: Integers,
    vocabulary: tuple[Integers, Integers],
    title_idf: Floats,
    letters: Integers,
    grams: tuple[Integers, Integers, Integers, Integers],
    in_titles: Integers,
    in_other: Integers,
    sought: Integers,
    n_sought: Integers,
    idf: Floats,
) -> tuple[Flags, Flags, Flags, Floats]:
    """`words` … `grams` as in `Texts`; `in_titles`, `in_other`: the lexicon's numbers of the terms; `sought`: those of
    the trigrams of all terms, `n_sought` of each; -1 for what the lexicon has not. `idf`: of the terms, above 0."""
    term_of = np.full(len(title_idf), np.int16(-1))
    known = find(vocabulary, in_titles)
    for term in range(len(known)):
        if known[term] >= 0:
            term_of[known[term]] = term
    similar = _similarities(letters, grams, sought, n_sought)
    shares, rarest = _shares(idf)
    n, n_terms = at.shape[1], len(idf)
    in_name, anywhere = np.zeros((n, n_terms), dtype=np.bool_), np.zeros((n, n_terms), dtype=np.bool_)
    named, seen = np.zeros(n, dtype=np.bool_), np.full(n_terms, np.int32(-1))
    columns = np.full((19, n), np.nan)
    for row in range(n):
        title, distinct = words[at[0, row] : at[1, row]], words[at[1, row] : at[2, row]]
        brand, other = words[at[2, row] : at[3, row]], words[at[4, row] : at[5, row]]
        columns[15, row] = len(title)
        if n_terms == 0:
            continue
        _mark(distinct, term_of, in_name[row])
        named[row] = _mark(brand, term_of, in_name[row]) == len(brand) > 0
        for term in range(n_terms):
            anywhere[row, term] = in_name[row, term]
        _mark_same(other, in_other, anywhere[row])
        columns[0, row], columns[2, row], columns[4, row] = _coverage(in_name[row], idf, shares)
        columns[1, row], columns[3, row], columns[5, row] = _coverage(anywhere[row], idf, shares)
        columns[6, row] = _only(anywhere[row], in_name[row], shares)
        columns[7, row], columns[8, row], columns[9, row] = in_name[row, rarest], in_name[row, 0], in_name[row, -1]
        columns[10, row], columns[13, row], columns[14, row] = _order(title, term_of, seen, row)
        columns[11, row], columns[12, row] = _rest(distinct, term_of, title_idf)
        columns[16, row], columns[17, row], columns[18, row] = _nearness(distinct, in_name[row], similar, shares)
    return in_name, anywhere, named, columns


@part
def _shares(idf: Floats) -> tuple[Floats, int]:
    """The idf share of each term, and which term is the rarest: the first of several."""
    total, rarest, shares = 0.0, 0, np.empty(len(idf))
    for term in range(len(idf)):
        total += idf[term]
        if idf[term] > idf[rarest]:
            rarest = term
    for term in range(len(idf)):
        shares[term] = idf[term] / total
    return shares, rarest


@part
def _mark(words: Integers, term_of: NDArray[np.int16], found: Flags) -> int:
    """Which terms are among the words, and how many words are terms."""
    count = 0
    for word in words:
        if term_of[word] >= 0:
            found[term_of[word]] = True
            count += 1
    return count


@part
def _mark_same(words: Integers, sought: Integers, found: Flags) -> None:
    """Which of the few that are sought are among the words."""
    for one in range(len(sought)):
        same = False
        for word in words:  # without a branch: several words in one instruction
            same |= word == sought[one]
        found[one] |= same


@part
def _coverage(found: Flags, idf: Floats, shares: Floats) -> tuple[float, float, float]:
    """The share of the terms that are found, by number and by idf, and the idf of the rarest that is not."""
    count, share, lacking = 0, 0.0, 0.0
    for term in range(len(found)):
        if found[term]:
            count += 1
            share += shares[term]
        else:
            lacking = max(lacking, idf[term])
    return count / len(found), share, lacking


@part
def _only(found: Flags, elsewhere: Flags, shares: Floats) -> float:
    """The idf share of the terms that are found, and not elsewhere."""
    share = 0.0
    for term in range(len(found)):
        if found[term] and not elsewhere[term]:
            share += shares[term]
    return share


@part
def _order(title: Integers, term_of: NDArray[np.int16], seen: Integers, row: int) -> tuple[float, float, float]:
    """The share of the pairs of terms that stand in the title one after the other; where the first term that it has
    stands, and where the last term of all does. `seen`: of each term the row in which its pair was last seen."""
    first = last = np.nan
    n_terms, pairs, before = len(seen), 0, -1
    for at in range(len(title)):
        term = term_of[title[at]]
        if term >= 0:
            if np.isnan(first):
                first = at / len(title)
            if np.isnan(last) and term == n_terms - 1:
                last = at / len(title)
            if before >= 0 and term == before + 1 and seen[before] != row:
                seen[before] = row
                pairs += 1
        before = term
    return pairs / (n_terms - 1) if n_terms > 1 else np.nan, first, last


@part
def _rest(distinct: Integers, term_of: NDArray[np.int16], title_idf: Floats) -> tuple[float, float]:
    """The share of a title's words that are terms, and the mean idf of the others."""
    terms, rest = 0, 0.0
    for word in distinct:
        if term_of[word] >= 0:
            terms += 1
        else:
            rest += title_idf[word]
    return terms / max(len(distinct), 1), rest / max(len(distinct) - terms, 1)


@part
def _nearness(distinct: Integers, in_name: Flags, similar: Floats, shares: Floats) -> tuple[float, float, float]:
    """The similarity of each term to the nearest word of a title: the mean, that by idf, and the least."""
    total, by_idf, least = 0.0, 0.0, np.inf
    for term in range(len(in_name)):
        nearest = 1.0
        if not in_name[term]:
            nearest = 0.0
            for word in distinct:
                nearest = max(nearest, similar[term, word])
        total += nearest
        by_idf += nearest * shares[term]
        least = min(least, nearest)
    return total / len(in_name), by_idf, least


@part
def _similarities(
    letters: Integers, grams: tuple[Integers, Integers, Integers, Integers], sought: Integers, n_sought: Integers
) -> Floats:
    """Jaccard similarity of the trigrams of each `#term#` and of each title word. Shape (terms, title words).

    A word counts with as many trigrams as it has letters, repeated ones too.
    """
    numbers, place, words, ends = grams
    known = find((numbers, place), sought)
    similar = np.zeros((len(n_sought), len(letters)))
    at = 0
    for term in range(len(n_sought)):
        shared = similar[term]
        for _ in range(n_sought[term]):
            gram = known[at]
            at += 1
            if gram >= 0:
                for one in range(ends[gram - 1] if gram else 0, ends[gram]):
                    shared[words[one]] += 1.0
        for word in range(len(letters)):
            shared[word] /= n_sought[term] + letters[word] - shared[word]
    return similar
