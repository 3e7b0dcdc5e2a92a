"""Queries are made of products, in halves that share nothing, and graded by what they ask for."""

from __future__ import annotations

import re
from typing import Any

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.core.match_text import MatchText
from multirecall.training.tuning.grading import grade_catalogue
from multirecall.training.tuning.queries import HELD_OUT, MISSPELLED, TEMPLATES, TRAIN, Asked, MadeQuery, make_queries
from multirecall.training.tuning.sampling import SampledProduct, sample_catalogue

KINDS = ("desk lamp", "toner cartridge", "network cable", "wall clock")
COLOURS = ("black", "white", "red")


def product(at: int, *, leaf: bool) -> SampledProduct:
    kind, brand = KINDS[at % 4], f"Brand{'abcdefg'[at % 7]}"
    return SampledProduct(
        id=f"p{at:03d}",
        title=f"{brand} {kind} model {chr(97 + at % 26)}{chr(97 + at // 26)}x classic",
        brand=brand,
        leaf=kind.title() if leaf else "",
        values=(COLOURS[at % 3],),
        identifiers=(f"ab-{at:04d}",),
    )


@pytest.mark.parametrize("leaf", [True, False])
def test_the_halves_share_no_product_no_template_and_no_text(leaf: bool) -> None:
    made = make_queries([product(at, leaf=leaf) for at in range(300)], n=60, seed=1)
    halves = {half: [one for one in made if one.half == half] for half in (TRAIN, HELD_OUT)}
    assert all(len(some) >= 40 for some in halves.values())
    assert not {one.product for one in halves[TRAIN]} & {one.product for one in halves[HELD_OUT]}
    assert not set(TEMPLATES[TRAIN]) & set(TEMPLATES[HELD_OUT])
    texts = [one.text for one in made]
    assert len(texts) == len(set(texts))
    assert any(one.kind == MISSPELLED for one in made)
    assert make_queries([product(at, leaf=leaf) for at in range(300)], n=60, seed=1) == made
    assert {one.text for one in make_queries([product(at, leaf=leaf) for at in range(300)], n=60, seed=2)} != set(texts)


def test_without_categories_the_kind_is_what_most_titles_say() -> None:
    made = make_queries([product(at, leaf=False) for at in range(100)], n=40, seed=0)
    kinds = {one.asked.kind for one in made if one.kind == "brand and kind"}
    assert kinds <= {*KINDS, "cartridge model", "lamp model", "cable model", "clock model"}
    assert kinds


def made_query(text: str, asked: Asked, product: str = "own") -> MadeQuery:
    return MadeQuery(qid="q", text=text, half=TRAIN, kind="", asked=asked, product=product)


def record(id_: str, title: str, *, leaf: str = "", other: str = "", codes: str = "") -> dict[str, Any]:
    text = MatchText(title=tuple(title.split()), other=tuple(other.split()), codes=tuple(codes.split())).to_text()
    return {"id": id_, "match_text": text, "category_path": ["All", leaf] if leaf else [], "identifiers": []}


def graded(asked: Asked, *records: dict[str, Any], **limits: int) -> dict[str, float]:
    return grade_catalogue(records, [made_query("", asked)], {}, str.split, **limits).get("q", {})


def test_what_has_all_that_was_asked_is_better_than_what_is_only_of_the_kind() -> None:
    rows = (
        record("all", "red desk lamp"),
        record("all elsewhere", "desk lamp", other="red"),
        record("kind", "blue desk lamp"),
        record("no kind", "red lamp"),
        record("described", "red shade", other="desk lamp"),
    )
    assert graded(Asked(kind="desk lamp", rest="red"), *rows) == {"own": 3, "all": 3, "all elsewhere": 3, "kind": 1}


def test_a_category_tells_the_kind_where_there_is_one() -> None:
    rows = (record("in", "x", leaf="Lamps", other="red"), record("out", "lamps red", leaf="Tables", other="red"))
    assert graded(Asked(leaf="Lamps", rest="red"), *rows) == {"own": 3, "in": 3}


def test_a_part_number_has_those_that_bear_it() -> None:
    rows = (record("it", "x", codes="ab0001"), record("other", "x", codes="ab0002"))
    assert graded(Asked(code="AB-0001"), *rows) == {"own": 3, "it": 3}


def test_a_piece_of_a_title_may_lack_a_word_for_the_lowest_grade() -> None:
    rows = (
        record("title", "c b a"),
        record("text", "a b", other="c"),
        record("two", "b c"),
        record("one", "c"),
    )
    assert graded(Asked(kind="a b c", phrase=True), *rows) == {"own": 3, "title": 3, "text": 2, "two": 1}


def test_queries_that_too_many_answer_are_dropped_and_large_shelves_have_no_partial_grade() -> None:
    few = {"max_answers": 3, "max_partial": 2}
    assert graded(Asked(kind="lamp"), *(record(str(at), "lamp") for at in range(3)), **few) == {}
    lamps = [record("red", "lamp", other="red"), *(record(str(at), "lamp") for at in range(3))]
    assert graded(Asked(kind="lamp", rest="red"), *lamps, **few) == {"own": 3, "red": 3}


def test_a_sample_is_bounded_and_counts_the_whole() -> None:
    rows = [{"id": str(at), "title": f"t{at}", "attributes": {"a": "Red", "b": "CE, X", "c": 3.0}} for at in range(50)]
    found = sample_catalogue(rows, size=10, seed=1)
    assert (len(found.products), found.n_products, found.having["title"]) == (10, 50, 50)
    assert {one.values for one in found.products} == {("Red",)}


def test_an_empty_catalogue_and_one_without_titles_are_told() -> None:
    with pytest.raises(InvalidInput, match="no product"):
        sample_catalogue([], size=10, seed=0)
    with pytest.raises(InvalidInput, match=re.escape("None of the 1 products has a title")):
        sample_catalogue([{"id": "1", "title": " "}], size=10, seed=0)
