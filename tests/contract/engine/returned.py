"""What comes back with each hit when it is asked for: the values that a fusion compares with the query."""

from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidFilter
from multirecall.core.filters import Exists, Range, Term
from multirecall.core.match_text import MAX_MATCH_TEXT_CHARS, MatchText
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import Engine, Everything, IndexedProduct, Text, Update, Vector, WriteStatus
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from tests.contract.asking import put, search, text_ids
from tests.contract.shop import DIM
from tests.support.records import product, unit, upsert

__all__ = ["ReturnedFieldContract"]

SEVEN = ("brand", "category", "price_minor", "popularity", "in_stock", "updated_at", "match_text")
AXIS = unit(*([1.0] + [0.0] * (DIM - 1)))
WORDS = MatchText(
    title=("desk", "lamp"), brand=("societ", "x"), attribute_names=("width",), codes=("lx200",), other=("zwölf", "日本")
).to_text()
LONGEST = ("🛒" * (MAX_MATCH_TEXT_CHARS - 4)) + "\t\t\t\t"
"""As many bytes as a match text can have."""

VALUES: dict[str, dict[str, object]] = {
    "full": {
        "brand": "Société X", "category": ("Office", "Office > Lamps"), "price_minor": 24999, "popularity": 12.5,
        "in_stock": True,
        "updated_at": 1_700_000_000.25, "match_text": WORDS,
    },
    "zeros": {
        "brand": "x", "price_minor": 0, "popularity": 0.0, "in_stock": False, "updated_at": 0.0,
        "match_text": MatchText().to_text(),
    },
    "longest": {"brand": "b" * MAX_KEYWORD_CHARS, "price_minor": 2**53, "match_text": LONGEST},
    "price": {"price_minor": 5},
    "words": {"match_text": WORDS},
    "none": {},
}  # fmt: skip


def rows() -> list[IndexedProduct]:
    return [
        product(name, "thing", attributes={"width": n}, vectors={"dense": unit(*AXIS[:-1], n / 9)}, **values)
        for n, (name, values) in enumerate(VALUES.items())
    ]


class ReturnedFieldContract:
    @pytest.mark.parametrize(
        "asked",
        [
            {"clause": Everything()},
            {"clause": Text(text="thing")},
            {"clause": Vector(field="dense", vector=AXIS)},
            {"clause": Everything(), "sort": (Sort(field="price_minor"),)},
            {"clause": Text(text="thing"), "filter": Range(field="attributes.width", gte=0)},
        ],
        ids=["everything", "text", "vector", "sorted", "filtered"],
    )
    def test_each_hit_has_those_values_that_its_product_has(self, empty: Engine, asked: dict[str, object]) -> None:
        put(empty, *rows())
        hits = {hit.id: dict(hit.fields) for hit in search(empty, k=50, fields=SEVEN, **asked).hits}  # type: ignore[arg-type]
        assert hits == VALUES
        kinds = {name: type(value) for name, value in hits["full"].items()}
        assert kinds == {name: type(value) for name, value in VALUES["full"].items()}
        for name in SEVEN:
            hits = {hit.id: dict(hit.fields) for hit in search(empty, k=50, fields=(name,), **asked).hits}  # type: ignore[arg-type]
            assert hits == {key: {n: v for n, v in held.items() if n == name} for key, held in VALUES.items()}

    def test_keywords_too_long_to_be_one_do_not_come_back(self, empty: Engine) -> None:
        long = "b" * (MAX_KEYWORD_CHARS + 1)
        put(empty, product("1", "thing", brand=long, category=(long,), price_minor=1))
        [hit] = search(empty, Text(text="thing"), fields=SEVEN).hits
        assert hit.fields == {"price_minor": 1}

    def test_match_texts_are_not_searched_filtered_counted_or_sorted_by(self, empty: Engine) -> None:
        put(empty, *rows())
        assert text_ids(empty, "desk lx200 zwölf") == []
        refused = [
            {"filter": Exists(field="match_text")},
            {"filter": Term(field="match_text", value=WORDS)},
            {"facets": (Facet(field="match_text"),)},
            {"sort": (Sort(field="match_text"),)},
        ]
        for part in refused:
            with pytest.raises(InvalidFilter, match="only comes back with hits"):
                search(empty, Everything(), **part)

    def test_match_texts_can_be_fetched_and_scanned_by_name(self, empty: Engine) -> None:
        put(empty, *rows())
        texts = {name: held["match_text"] for name, held in VALUES.items() if "match_text" in held}
        for name, record in zip(VALUES, empty.fetch(list(VALUES), ["match_text"]), strict=True):
            assert record == ({"match_text": texts[name]} if name in texts else {})
        scanned = {record["id"]: record.get("match_text") for record in empty.scan(["match_text"])}
        assert scanned == {name: texts.get(name) for name in VALUES}
        [whole] = empty.fetch(["full"])
        assert whole is not None
        assert "match_text" not in whole

    def test_updates_leave_the_match_text_and_a_new_record_replaces_it(self, empty: Engine) -> None:
        def text() -> object:
            [hit] = search(empty, Everything(), fields=("match_text", "price_minor")).hits
            [record] = empty.fetch(["1"], ["match_text"])
            assert record == {key: value for key, value in hit.fields.items() if key == "match_text"}
            return hit.fields.get("match_text")

        other = MatchText(title=("chair",)).to_text()
        put(empty, upsert("1", version=1, match_text=WORDS), Update(id="1", fields={"price_minor": 3}))
        assert text() == WORDS
        put(empty, Update(id="1", fields={"price_minor": 4, "in_stock": True}, version=5))
        assert text() == WORDS
        put(empty, upsert("1", version=2, match_text=other))  # the price of version 5 stays
        assert text() == other
        put(empty, upsert("1", version=6))
        assert text() is None

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("a\tb\tc\td", "5 parts"),
            (LONGEST + "x", "4,001"),
            ("\ud800\t\t\t\t", "surrogate"),
            (7, "needs text"),
            (["\t\t\t\t"], "no match text"),
        ],
    )
    def test_what_is_no_match_text_is_refused(self, empty: Engine, text: object, reason: str) -> None:
        results = list(empty.write([upsert("1", match_text=text), upsert("2", match_text=WORDS)]))
        assert [result.status for result in results] == [WriteStatus.REJECTED, WriteStatus.CREATED]
        assert "match_text" in results[0].error
        assert reason in results[0].error
