"""Filters: the same products pass in browsing, lexical search, vector search and counting."""

from __future__ import annotations

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidFilter, UnsupportedFeature
from multirecall.core.filters import And, Exists, Filter, Not, Or, Range, Term, Terms
from multirecall.engines.base import Engine, EngineRequest, Everything, Text, Vector
from tests.contract.asking import LIMIT_S, found, ids, search
from tests.contract.shop import CROWD, CROWD_WITH_VECTOR, NO_VECTOR, QUERY_VECTOR

__all__ = ["FilterContract", "InvalidFilterContract", "NarrowFilterContract"]

ALL = {f"p{n:02d}" for n in range(1, 13)}
BOSCH = Term(field="brand", value="Bosch")
PRICED = Exists(field="price_minor")
CHEAP = Range(field="price_minor", lt=1250)

CASES: dict[str, tuple[Filter, set[str]]] = {
    "term": (BOSCH, {"p06", "p10", "p11"}),
    "term keeps case": (Term(field="brand", value="HP"), {"p01", "p02"}),
    "term is whole": (Term(field="brand", value="Bos"), set()),
    "term with quotes": (Term(field="brand", value='A "B" \\ C*'), {"p05"}),
    "term with accents": (Term(field="brand", value="Société Générale"), {"p03"}),
    "term with apostrophe": (Term(field="brand", value="O'Neil & Søns"), {"p04"}),
    "term is no pattern": (Term(field="brand", value="*"), set()),
    "term is no expression": (Term(field="brand", value="Bosch OR brand:HP"), set()),
    "term id": (Term(field="id", value="p05"), {"p05"}),
    "term currency": (Term(field="currency", value="USD"), {"p04", "p12"}),
    "term code": (Term(field="codes", value="lj4250"), {"p01"}),
    "term true": (Term(field="in_stock", value=True), {"p01", "p02", "p04", "p05", "p07", "p08", "p12"}),
    "term false": (Term(field="in_stock", value=False), {"p03", "p06"}),
    "term number": (Term(field="price_minor", value=1250), {"p06", "p10", "p11"}),
    "term zero": (Term(field="price_minor", value=0), {"p08"}),
    "term whole number as float": (Term(field="price_minor", value=1250.0), {"p06", "p10", "p11"}),
    "term fraction": (Term(field="popularity", value=12.5), {"p01"}),
    "term fraction of a whole number": (Term(field="price_minor", value=1250.5), set()),
    "category of several levels": (Term(field="category", value="Office"), {"p01", "p02", "p07", "p08", "p11"}),
    "category lower level": (Term(field="category", value="Printers"), {"p01"}),
    "attribute": (Term(field="attributes.colour", value="Black"), {"p02", "p05"}),
    "attribute of several values": (Term(field="attributes.ports", value="USB-C"), {"p07"}),
    "attribute true": (Term(field="attributes.duplex", value=True), {"p01"}),
    "attribute false": (Term(field="attributes.duplex", value=False), {"p07"}),
    "attribute number": (Term(field="attributes.width", value=41.5), {"p01"}),
    "attribute with equals sign": (Term(field="attributes.formula", value="a=b"), {"p06"}),
    "attribute nobody has": (Term(field="attributes.nothing", value="x"), set()),
    "attribute with dot": (Term(field="attributes.screen.size", value=27), {"p07"}),
    "terms": (Terms(field="brand", values=("HP", "hp", "Nobody")), {"p01", "p02", "p07"}),
    "terms none": (Terms(field="brand", values=()), set()),
    "terms numbers": (Terms(field="price_minor", values=(0, 999)), {"p05", "p08"}),
    "terms attribute": (Terms(field="attributes.colour", values=("Red", "Blue")), {"p03", "p04"}),
    "terms many": (Terms(field="id", values=("p09", *(f"x{n}" for n in range(1500)))), {"p09"}),
    "range gte lte": (Range(field="price_minor", gte=999, lte=5000), {"p05", "p06", "p10", "p11", "p12"}),
    "range gt lt": (Range(field="price_minor", gt=999, lt=5000), {"p06", "p10", "p11"}),
    "range open below": (CHEAP, {"p05", "p08"}),
    "range fraction bounds": (Range(field="price_minor", gt=998.5, lt=999.5), {"p05"}),
    "range empty": (Range(field="price_minor", gt=5000, lt=5000), set()),
    "range infinite": (Range(field="price_minor", lte=float("inf")), ALL - {"p09"}),
    "range popularity": (Range(field="popularity", gte=7), {"p01", "p03", "p04"}),
    "range time": (Range(field="updated_at", gt=1_700_000_000), {"p02", "p04"}),
    "range attribute": (Range(field="attributes.width", gte=12), {"p01", "p02", "p03"}),
    "range attribute negative": (Range(field="attributes.width", lt=0), {"p06"}),
    "range attribute with dot": (Range(field="attributes.screen.size", gte=5, lt=27), {"p05"}),
    "exists": (Exists(field="brand"), ALL - {"p09"}),
    "exists number": (PRICED, ALL - {"p09"}),
    "exists boolean": (Exists(field="in_stock"), ALL - {"p09", "p10", "p11"}),
    "exists attribute": (Exists(field="attributes.width"), {"p01", "p02", "p03", "p06"}),
    "exists attribute with dot": (Exists(field="attributes.screen.size"), {"p05", "p07"}),
    "not": (Not(part=BOSCH), ALL - {"p06", "p10", "p11"}),
    "not exists": (Not(part=Exists(field="category")), {"p09", "p10", "p12"}),
    "not not": (Not(part=Not(part=BOSCH)), {"p06", "p10", "p11"}),
    "not range keeps what has no value": (
        Not(part=Range(field="popularity", gt=3)), ALL - {"p01", "p03", "p04", "p07", "p10"},
    ),
    "and": (And(parts=(BOSCH, Term(field="category", value="Office"))), {"p11"}),
    "and none": (And(parts=()), ALL),
    "or": (Or(parts=(CHEAP, BOSCH)), {"p05", "p06", "p08", "p10", "p11"}),
    "or none": (Or(parts=()), set()),
    "and of nots": (And(parts=(Not(part=BOSCH), Not(part=PRICED))), {"p09"}),
    "or of not": (Or(parts=(Not(part=PRICED), Term(field="id", value="p01"))), {"p01", "p09"}),
    "and with none": (And(parts=(PRICED, Or(parts=()))), set()),
    "or with all": (Or(parts=(BOSCH, And(parts=()))), ALL),
    "not all": (Not(part=And(parts=())), set()),
    "not none": (Not(part=Or(parts=())), ALL),
    "nested": (
        And(parts=(
            Or(parts=(Term(field="category", value="Office"), BOSCH)),
            Not(part=And(parts=(Range(field="price_minor", lt=1300), Exists(field="currency")))),
            Not(part=Term(field="in_stock", value=False)),
        )),
        {"p01", "p02", "p07", "p08", "p10"},
    ),
    "wide": (
        Or(parts=tuple(Term(field="price_minor", value=n) for n in range(995, 1255))), {"p05", "p06", "p10", "p11"},
    ),
}  # fmt: skip

INVALID: dict[str, tuple[Filter, type[Exception], str]] = {
    "unknown field": (Term(field="colour", value="Red"), InvalidFilter, "colour"),
    "text field": (Term(field="title", value="Printer"), InvalidFilter, "title"),
    "unknown field, deep": (Not(part=And(parts=(BOSCH, Exists(field="branding")))), InvalidFilter, "branding"),
    "text for number": (Term(field="price_minor", value="cheap"), InvalidFilter, "price_minor"),
    "number for keyword": (Terms(field="brand", values=("HP", 5)), InvalidFilter, "brand"),
    "text for boolean": (Term(field="in_stock", value="true"), InvalidFilter, "in_stock"),
    "boolean for number": (Term(field="price_minor", value=True), InvalidFilter, "price_minor"),
    "range on keyword": (Range(field="brand", gte=1), InvalidFilter, "brand"),
    "range on boolean": (Range(field="in_stock", gte=0), InvalidFilter, "in_stock"),
    "range on undeclared attribute": (Range(field="attributes.size", gte=1), UnsupportedFeature, "size"),
}


RARE = Term(field="brand", value="Rare")
RARE_IDS = [f"c{n:05d}" for n in range(CROWD) if n % 100 == 7]


class FilterContract:
    @pytest.mark.parametrize("case", CASES)
    def test_a_filter_passes_the_same_products_everywhere(self, shop: Engine, case: str) -> None:
        node, expected = CASES[case]
        clauses = (Everything(), Text(text="thing"), Vector(field="dense", vector=QUERY_VECTOR))
        results = shop.search_many(
            [EngineRequest(clause=clause, k=50, filter=node) for clause in clauses], Deadline.after(LIMIT_S)
        )
        assert [r.error for r in results] == [""] * 3
        browsed, worded, near = results
        assert set(ids(browsed)) == expected
        assert set(ids(worded)) == expected
        assert set(ids(near)) == expected - {NO_VECTOR}
        assert (browsed.total, worded.total, near.total) == (len(expected), len(expected), None)
        assert shop.count(node) == len(expected)

    def test_a_filter_does_not_change_the_scores(self, shop: Engine) -> None:
        for clause in (Text(text="printer mystery paper"), Vector(field="dense", vector=QUERY_VECTOR)):
            free = {hit.id: hit.score for hit in search(shop, clause, 50).hits}
            held = search(shop, clause, 50, filter=BOSCH).hits
            assert len(held) >= 2
            assert {hit.id: hit.score for hit in held} == pytest.approx({hit.id: free[hit.id] for hit in held})

    def test_fifteen_levels_deep(self, shop: Engine) -> None:
        node: Filter = BOSCH
        for level in range(14):
            node = And(parts=(node, PRICED)) if level % 2 else Or(parts=(node, Term(field="id", value="p01")))
        assert set(found(shop, Everything(), filter=node)) == {"p01", "p06", "p10", "p11"}


class NarrowFilterContract:
    """One product in a hundred passes: the search must look on until it has k, not cut its candidates first."""

    def test_lexical_search_finds_all_that_pass(self, crowd: Engine) -> None:
        result = search(crowd, Text(text="gadget"), 50, filter=RARE)
        assert ids(result) == RARE_IDS[:50]
        assert result.total == len(RARE_IDS)

    @pytest.mark.parametrize("k", [1, 5, 12, 50])
    def test_vector_search_finds_k_if_k_pass(self, crowd: Engine, k: int) -> None:
        with_vector = {rare for rare in RARE_IDS if int(rare[1:]) < CROWD_WITH_VECTOR}
        assert len(with_vector) == 12
        hits = found(crowd, Vector(field="dense", vector=QUERY_VECTOR), k, filter=RARE)
        assert len(hits) == min(k, 12)
        assert set(hits) <= with_vector

    def test_vector_search_finds_the_one_product_that_passes(self, crowd: Engine) -> None:
        last = f"c{CROWD_WITH_VECTOR - 1:05d}"
        one = And(parts=(Range(field="price_minor", gte=CROWD_WITH_VECTOR - 1), Range(field="price_minor", lt=5000)))
        assert found(crowd, Vector(field="dense", vector=QUERY_VECTOR), 10, filter=one) == [last]

    def test_nothing_passes(self, crowd: Engine) -> None:
        nobody = Term(field="brand", value="Nobody")
        for clause in (Everything(), Text(text="gadget"), Vector(field="dense", vector=QUERY_VECTOR)):
            assert found(crowd, clause, filter=nobody) == []


class InvalidFilterContract:
    @pytest.mark.parametrize("case", INVALID)
    def test_a_filter_that_cannot_be_honoured_raises(self, shop: Engine, case: str) -> None:
        node, error, names = INVALID[case]
        good = EngineRequest(clause=Everything(), k=1)
        for clause in (Everything(), Text(text="thing"), Vector(field="dense", vector=QUERY_VECTOR)):
            with pytest.raises(error, match=names):
                shop.search_many([good, EngineRequest(clause=clause, k=5, filter=node)], Deadline.after(LIMIT_S))
        with pytest.raises(error, match=names):
            shop.count(node)
