"""Small pools of candidates with everything that features read, and judged pools with a truth that can be learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from multirecall.core.match_text import MatchText
from multirecall.core.query import Query
from multirecall.core.ranking import FieldValue, Ranking, RouteStatus, ScoreKind, ranked_hits
from multirecall.core.rewriting import Rewriting
from multirecall.evaluation.queries import JudgedQuery
from multirecall.fusion.features.pool import Analyse, Pool
from multirecall.fusion.features.product_words import ProductWords
from multirecall.fusion.features.term_statistics import TermStatistics
from multirecall.training.blender.collecting import JudgedPool

TERMS = TermStatistics(n_products=1_000, holding={"toner": 100, "hp": 200, "black": 300, "printer": 50, "4250": 3})
KINDS = {"lexical": ScoreKind.BM25, "dense": ScoreKind.COSINE}


def product(
    title: str,
    *,
    brand: str = "",
    attributes: Sequence[str] = (),
    codes: Sequence[str] = (),
    other: str = "",
    **values: FieldValue,
) -> dict[str, FieldValue]:
    """The stored values of one product, as a hit brings them along."""
    text = MatchText(
        title=tuple(title.split()),
        brand=tuple(brand.casefold().split()),
        attribute_names=tuple(attributes),
        codes=tuple(codes),
        other=tuple(other.split()),
    ).to_text()
    return {"match_text": text, **({"brand": brand} if brand else {}), **values}


def ranking(
    route: str,
    scores: Mapping[str, float],
    products: Mapping[str, Mapping[str, FieldValue]],
    *,
    status: RouteStatus = RouteStatus.OK,
    total: int | None = None,
) -> Ranking:
    hits = ranked_hits((name, score, products.get(name, {})) for name, score in scores.items())
    return Ranking(route=route, kind=KINDS.get(route, ScoreKind.RANK), hits=hits, status=status, total=total)


def pool(
    text: str,
    rankings: Sequence[Ranking],
    *,
    codes: Sequence[str] = (),
    routes: Sequence[str] = ("dense", "lexical"),
    terms: TermStatistics = TERMS,
    words: ProductWords | None = None,
    analyse: Analyse = str.split,
    language: str = "none",
) -> Pool:
    query = Query(raw=text, text=text, codes=tuple(codes))
    return Pool(query, rankings, routes=routes, analyse=analyse, words=words or ProductWords(terms), language=language)


def learnable_pools(
    n_queries: int,
    *,
    seed: int,
    n_products: int = 40,
    noise: float = 1.2,
    popularity_noise: float = 0.6,
    shuffled: bool = False,
) -> list[JudgedPool]:
    """Queries whose true grade is what both routes see a part of: a good blend beats each of them.

    Each route's score is the grade plus noise of its own, and the lexical route misses a third of the products; a
    product in stock is never irrelevant. `shuffled` deals the grades out anew within each query: nothing to learn.
    """
    random = np.random.default_rng(seed)
    pools = []
    for number in range(n_queries):
        grades = random.integers(0, 4, n_products)
        words = random.choice(["toner", "printer", "black", "hp"], size=(n_products, 3))
        found = random.random(n_products) > 1 / 3
        lexical = grades + random.normal(0, noise, n_products)
        dense = grades + random.normal(0, noise, n_products)
        popularity = np.exp(grades + random.normal(0, popularity_noise, n_products))
        names = [f"p{at:02d}" for at in range(n_products)]
        products = {
            name: product(
                " ".join(words[at]), attributes=("colour",), popularity=float(popularity[at]), price_minor=100 + at
            )
            for at, name in enumerate(names)
        }
        judged = random.permutation(grades) if shuffled else grades
        query = Query(raw=f"toner {number}", text=f"toner {number}")
        pools.append(
            JudgedPool(
                judged=JudgedQuery(qid=f"q{number:03d}", text=query.text, columns={"class": "ab"[number % 2]}),
                query=query,
                rankings=(
                    ranking("dense", dict(zip(names, dense.tolist(), strict=True)), products),
                    ranking(
                        "lexical", {n: float(s) for n, s, f in zip(names, lexical, found, strict=True) if f}, products
                    ),
                ),
                grades={name: float(grade) for name, grade in zip(names, judged, strict=True)},
            )
        )
    return pools


def rewritten_pools(n_queries: int, *, seed: int, n_products: int = 20) -> list[JudgedPool]:
    """Queries in words that no product has, whose rewriting names exactly what is relevant; the routes know nothing."""
    random = np.random.default_rng(seed)
    pools = []
    for number in range(n_queries):
        grades = random.integers(0, 2, n_products).astype(float)
        names = [f"p{at:02d}" for at in range(n_products)]
        products = {
            name: product("laser printer" if good else "copy paper") for name, good in zip(names, grades, strict=True)
        }
        text = f"drucker {number}"
        query = Query(
            raw=text, text=text, rewritings=(Rewriting(text="laser printer", by="languages", confidence=0.9),)
        )
        pools.append(
            JudgedPool(
                judged=JudgedQuery(qid=f"q{number:03d}", text=text),
                query=query,
                rankings=tuple(
                    ranking(route, dict(zip(names, random.random(n_products).tolist(), strict=True)), products)
                    for route in ("dense", "lexical")
                ),
                grades=dict(zip(names, grades.tolist(), strict=True)),
            )
        )
    return pools
