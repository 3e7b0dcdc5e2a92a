"""Facets are exact counts over all matches; sorting replaces the order by score."""

from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidFilter, UnsupportedFeature
from multirecall.core.filters import Range, Term
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import Engine, Everything, Text
from tests.contract.asking import ids, put, search
from tests.contract.shop import CROWD
from tests.support.records import product

__all__ = ["FacetContract", "SortContract"]


def counts(engine: Engine, facet: Facet, **request: object) -> list[tuple[object, int]]:
    result = search(engine, Everything(), 0, facets=(facet,), **request)
    assert [f.field for f in result.facets] == [facet.field]
    assert all(c.gte is None and c.lt is None for c in result.facets[0].counts)
    return [(c.value, c.count) for c in result.facets[0].counts]


class FacetContract:
    def test_values_by_count_then_value(self, shop: Engine) -> None:
        assert counts(shop, Facet(field="brand")) == [
            ("Bosch", 3), ("HP", 2), ("Lenovo", 2), ('A "B" \\ C*', 1), ("O'Neil & Søns", 1),
            ("Société Générale", 1), ("hp", 1),
        ]  # fmt: skip

    def test_size_cuts_after_ordering(self, shop: Engine) -> None:
        assert counts(shop, Facet(field="brand", size=2)) == [("Bosch", 3), ("HP", 2)]
        assert counts(shop, Facet(field="brand", size=4))[3] == ('A "B" \\ C*', 1)

    def test_a_product_counts_under_each_of_its_values(self, shop: Engine) -> None:
        found = dict(counts(shop, Facet(field="category", size=100)))
        assert found["Office"] == 5
        assert found["Printers"] == found["Cables"] == 1
        assert sum(found.values()) == 15

    def test_booleans(self, shop: Engine) -> None:
        assert counts(shop, Facet(field="in_stock")) == [(True, 7), (False, 2)]

    def test_attributes_without_their_name(self, shop: Engine) -> None:
        assert counts(shop, Facet(field="attributes.colour")) == [("Black", 2), ("Blue", 1), ("Red", 1), ("White", 1)]
        assert counts(shop, Facet(field="attributes.ports")) == [
            ("Ethernet", 1),
            ("HDMI", 1),
            ("USB-B", 1),
            ("USB-C", 1),
        ]
        assert counts(shop, Facet(field="attributes.duplex")) == [("false", 1), ("true", 1)]
        assert counts(shop, Facet(field="attributes.formula")) == [("a=b", 1)]
        assert counts(shop, Facet(field="attributes.screen.size")) == [("27", 1), ("5.5", 1)]
        assert counts(shop, Facet(field="attributes.nothing")) == []

    def test_attributes_that_begin_alike_are_kept_apart(self, empty: Engine) -> None:
        put(
            empty,
            product("1", attributes={"size": "L", "size=L": "x", "size.x": "y", "siz": "e=L", "sizes": "XL"}),
            product("2", attributes={"size": ".*", "Size": "M"}),
        )
        assert counts(empty, Facet(field="attributes.size", size=20)) in (
            [(".*", 1), ("L", 1)],
            [(".*", 1), ("L", 1), ("L=x", 1)],  # "size=L" = "x" and "size" = "L=x" are one pair
        )
        assert counts(empty, Facet(field="attributes.sizes")) == [("XL", 1)]
        assert counts(empty, Facet(field="attributes.Size")) == [("M", 1)]

    def test_ranges_with_their_bounds(self, shop: Engine) -> None:
        facet = Facet(field="price_minor", edges=(1000.0, 1250.0, 10_000.0, 99_999.0))
        [result] = search(shop, Everything(), 0, facets=(facet,)).facets
        assert [(c.gte, c.lt, c.count) for c in result.counts] == [
            (None, 1000, 2), (1000, 1250, 0), (1250, 10_000, 6), (10_000, 99_999, 3), (99_999, None, 0),
        ]  # fmt: skip
        assert all(c.value is None for c in result.counts)

    def test_ranges_of_numeric_attributes(self, shop: Engine) -> None:
        facets = (
            Facet(field="attributes.width", edges=(0.0, 12.5)),
            Facet(field="attributes.screen.size", edges=(6.0,)),
        )
        width, screen = search(shop, Everything(), 0, facets=facets).facets
        assert [c.count for c in width.counts] == [1, 1, 2]
        assert [c.count for c in screen.counts] == [1, 1]

    def test_facets_count_what_matches_clause_and_filter(self, shop: Engine) -> None:
        office = Term(field="category", value="Office")
        brands = counts(shop, Facet(field="brand"), filter=office)
        assert brands == [("HP", 2), ("Bosch", 1), ("Lenovo", 1), ("hp", 1)]
        result = search(shop, Text(text="mystery"), 1, facets=(Facet(field="brand"), Facet(field="in_stock")))
        assert [(c.value, c.count) for c in result.facets[0].counts] == [("Bosch", 1)]
        assert result.facets[1].counts == ()

    def test_counts_are_exact_over_many_matches(self, crowd: Engine) -> None:
        assert counts(crowd, Facet(field="brand")) == [("Common", CROWD - 102), ("Rare", 102)]
        facet = Facet(field="price_minor", edges=(17.0, 10_150.0))
        [result] = search(crowd, Text(text="gadget"), 1, facets=(facet,)).facets
        assert [c.count for c in result.counts] == [17, 10_150 - 17, CROWD - 10_150]

    def test_many_values_are_counted_exactly_for_the_most_frequent(self, empty: Engine) -> None:
        rows = [product(f"{n:04d}", brand=f"brand{n * n % 401:03d}") for n in range(802)]
        put(empty, *rows)
        tally: dict[str, int] = {}
        for row in rows:
            tally[row.fields["brand"]] = tally.get(row.fields["brand"], 0) + 1
        expected = sorted(tally.items(), key=lambda pair: (-pair[1], pair[0]))
        assert counts(empty, Facet(field="brand", size=15)) == expected[:15]
        assert counts(empty, Facet(field="brand", size=1000)) == expected

    def test_what_cannot_be_counted_raises(self, shop: Engine) -> None:
        for facet, error in (
            (Facet(field="title"), InvalidFilter),
            (Facet(field="nonsense"), InvalidFilter),
            (Facet(field="brand", edges=(1.0,)), InvalidFilter),
            (Facet(field="attributes.colour", edges=(1.0,)), UnsupportedFeature),
            (Facet(field="price_minor"), UnsupportedFeature),
        ):
            with pytest.raises(error, match=facet.field.removeprefix("attributes.")):
                search(shop, Everything(), facets=(facet,))


class SortContract:
    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ((Sort(field="price_minor"),), "08 05 06 10 11 12 04 02 07 03 01 09"),
            ((Sort(field="price_minor", descending=True),), "01 03 07 02 04 12 06 10 11 05 08 09"),
            ((Sort(field="id", descending=True),), "12 11 10 09 08 07 06 05 04 03 02 01"),
            ((Sort(field="brand"),), "05 06 10 11 01 02 08 12 04 03 07 09"),
            ((Sort(field="brand", descending=True),), "07 03 04 08 12 01 02 06 10 11 05 09"),
            ((Sort(field="in_stock"),), "03 06 01 02 04 05 07 08 12 09 10 11"),
            ((Sort(field="in_stock", descending=True),), "01 02 04 05 07 08 12 03 06 09 10 11"),
            ((Sort(field="popularity", descending=True),), "04 01 03 07 10 02 05 06 08 09 11 12"),
            ((Sort(field="attributes.width"),), "06 02 03 01 04 05 07 08 09 10 11 12"),
            ((Sort(field="attributes.screen.size", descending=True),), "07 05 01 02 03 04 06 08 09 10 11 12"),
            ((Sort(field="updated_at", descending=True),), "04 02 01 03 05 06 07 08 09 10 11 12"),
            ((Sort(field="price_minor"), Sort(field="popularity")), "08 05 10 06 11 12 04 02 07 03 01 09"),
            ((Sort(field="brand"), Sort(field="price_minor", descending=True)), "05 06 10 11 01 02 12 08 04 03 07 09"),
            ((Sort(field="in_stock"), Sort(field="id", descending=True)), "06 03 12 08 07 05 04 02 01 11 10 09"),
        ],
        ids=lambda value: (
            value if isinstance(value, str) else "+".join(f"{s.field}{'-' * s.descending}" for s in value)
        ),
    )
    def test_sorted_by_value_missing_last_ties_by_id(self, shop: Engine, sort: tuple[Sort, ...], expected: str) -> None:
        order = [f"p{n}" for n in expected.split()]
        for clause in (Everything(), Text(text="thing")):
            result = search(shop, clause, 50, sort=sort)
            assert ids(result) == order
            assert result.total == 12
            assert ids(search(shop, clause, 4, sort=sort)) == order[:4]

    def test_sort_keeps_to_filter_and_clause(self, shop: Engine) -> None:
        sort = (Sort(field="price_minor", descending=True),)
        assert ids(search(shop, Text(text="mystery"), sort=sort)) == ["p10", "p09"]
        cheap = Range(field="price_minor", lt=5000)
        assert ids(search(shop, Everything(), 3, sort=sort, filter=cheap)) == ["p06", "p10", "p11"]

    def test_sort_reaches_beyond_the_best_by_score(self, crowd: Engine) -> None:
        result = search(crowd, Text(text="gadget"), 3, sort=(Sort(field="price_minor", descending=True),))
        assert ids(result) == [f"c{CROWD - n:05d}" for n in (1, 2, 3)]

    def test_what_cannot_be_sorted_by_raises(self, shop: Engine) -> None:
        for field, error in (
            ("title", InvalidFilter), ("nonsense", InvalidFilter), ("category", InvalidFilter),
            ("attributes.colour", UnsupportedFeature),
        ):  # fmt: skip
            with pytest.raises(error, match=field.removeprefix("attributes.")):
                search(shop, Everything(), sort=(Sort(field=field),))
