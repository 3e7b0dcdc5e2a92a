"""A text against titles, brands and descriptions, compared once more word by word."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from multirecall.core.match_text import MatchText
from multirecall.fusion.features.comparing import Compared
from multirecall.fusion.features.lexicon import trigrams
from multirecall.fusion.features.product_words import ProductWords
from multirecall.fusion.features.texts import Texts
from tests.support.pools import TERMS

VOCABULARY = ("toner", "tonr", "black", "hp", "printer", "4250", "4250dn", "ink", "größe")
NAN = math.nan


def similarity(term: str, word: str) -> float:
    shared = len(trigrams(term) & trigrams(word))
    return shared / (len(trigrams(term)) + len(word) - shared)


def expected(product: MatchText, terms: list[str], idf: dict[str, float]) -> list[float]:
    """The figures of `Match`, in its order."""
    title, distinct = product.title, dict.fromkeys(product.title)
    name = {*title, *product.brand}
    rest = [idf[word] for word in distinct if word not in terms]
    places = [at / len(title) for at, word in enumerate(title) if word in terms]
    last = [at / len(title) for at, word in enumerate(title) if word == terms[-1]]
    pairs = [*pairwise(terms)]
    near = [1.0 if t in name else max([similarity(t, word) for word in title], default=0.0) for t in terms]
    whole = sum(idf[term] for term in terms)
    rarest = max(terms, key=lambda term: idf[term])  # the first of them
    figures = []
    for of_figure in (len, lambda some: sum(idf[term] for term in some) / whole * len(terms)):
        for where in (name, name | {*product.other}):
            figures.append(of_figure([term for term in terms if term in where]) / len(terms))
    lacks = [max([idf[t] for t in terms if t not in where], default=0.0) for where in (name, name | {*product.other})]
    return [
        *figures,
        *lacks,
        sum(idf[term] for term in terms if term in product.other and term not in name) / whole,
        *(float(term in name) for term in (rarest, terms[0], terms[-1])),
        np.mean([pair in [*pairwise(title)] for pair in pairs]) if pairs else NAN,
        len([word for word in distinct if word in terms]) / max(len(distinct), 1),
        sum(rest) / max(len(rest), 1),
        places[0] if places else NAN,
        last[0] if last else NAN,
        len(title),
        np.mean(near),
        sum(n * idf[term] for n, term in zip(near, terms, strict=True)) / whole,
        min(near),
    ]


def some(random: np.random.Generator, most: int) -> tuple[str, ...]:
    return tuple(random.choice(VOCABULARY, random.integers(0, most)).tolist())


@pytest.mark.parametrize("seed", range(8))
def test_against_a_comparison_word_by_word(seed: int) -> None:
    random = np.random.default_rng(seed)
    products = [
        MatchText(title=some(random, 7), brand=tuple({*some(random, 3)}), other=tuple({*some(random, 5)}))
        for _ in range(25)
    ]
    words = ProductWords(TERMS)
    words.read(["other"], [MatchText(title=("cable", "tonerr", "ink")).to_text()])  # the lexicon knows more than these
    texts = Texts(*words.read([str(at) for at in range(25)], [product.to_text() for product in products]))
    idf = {word: float(TERMS.idf([word])[0]) for word in (*VOCABULARY, "unheard")}
    for terms in (["toner"], ["hp", "tonr"], [*random.permutation([*VOCABULARY, "unheard"]).tolist()]):
        compared = Compared(texts, terms, TERMS.idf(terms))
        wanted = [expected(product, terms, idf) for product in products]
        np.testing.assert_allclose(np.transpose(compared.match), wanted, atol=1e-12)
        assert compared.brand_is_named.tolist() == [{*p.brand} <= {*terms} and bool(p.brand) for p in products]
        assert compared.in_name.tolist() == [[term in {*p.title, *p.brand} for term in terms] for p in products]


def test_without_terms_all_is_missing_but_the_length() -> None:
    texts = Texts(*ProductWords(TERMS).read(["p", "q"], [MatchText(title=("ink", "ink")).to_text(), ""]))
    match = Compared(texts, [], np.empty(0)).match
    assert match.length.tolist() == [2.0, 0.0]
    assert np.isnan(match._replace(length=np.full(2, NAN))).all()
