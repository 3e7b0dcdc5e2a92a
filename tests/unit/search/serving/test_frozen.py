"""A frozen list: what it keeps, how it is written down, how large it is."""

from __future__ import annotations

import gc
import tracemalloc
import zlib

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.filters import And, Exists, Filter, Not, Or, Range, Term, Terms
from multirecall.core.query import Facet, Query, Sort
from multirecall.search import understand
from multirecall.search.frozen import FrozenList, frozen_list
from multirecall.search.serving.frozen_json import list_from_bytes, list_to_bytes
from multirecall.search.serving.query_json import query_from, query_values
from tests.support.shop_front import Item, Shop, opened_shop

QUERY = understand(
    "  “red”  lamp ",
    filter=Or(parts=(Term(field="brand", value="HP"), Range(field="price_minor", gte=1.5))),
    facets=(Facet(field="brand"), Facet(field="price_minor", edges=(10.0, 1_000.0))),
)


@pytest.fixture(scope="module")
def shop():  # type: ignore[no-untyped-def]
    with opened_shop([Item(f"p{n}", f"red lamp {n}", brand=f"B{n % 3}") for n in range(150)]) as shop:
        yield shop


def made(shop: Shop, query: Query = QUERY) -> FrozenList:
    return shop.live.ask(lambda searcher: frozen_list(searcher.rank(query, 200), generation=searcher.generation))


def test_a_list_comes_back_from_bytes_to_the_last_bit(shop: Shop) -> None:
    frozen = made(shop)
    assert frozen.hits[0].sources
    assert frozen.facets[1].counts
    assert list_from_bytes(list_to_bytes(frozen)) == frozen


@pytest.mark.parametrize("broken", [b"", b"x", zlib.compress(b"[]"), zlib.compress(b'{"format": 1}'), b"\x80\x04."])
def test_bytes_that_are_no_list_are_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"list|format|JSON|unexpected"):
        list_from_bytes(broken)


def test_a_list_of_another_format_is_refused(shop: Shop) -> None:
    values = orjson.loads(zlib.decompress(list_to_bytes(made(shop))))
    with pytest.raises(ValueError, match="format"):
        list_from_bytes(zlib.compress(orjson.dumps({**values, "format": 0})))


TEXTS = st.text(max_size=5)
LEAVES = st.one_of(
    st.builds(Term, field=TEXTS, value=st.one_of(TEXTS, st.booleans(), st.integers(-9, 9), st.floats(-1, 1))),
    st.builds(Terms, field=TEXTS, values=st.lists(TEXTS, max_size=3).map(tuple)),
    st.builds(Range, field=TEXTS, gte=st.floats(-9, 9)),
    st.builds(Range, field=TEXTS, lt=st.floats(-9, 9), gt=st.floats(-9, 9)),
    st.builds(Exists, field=TEXTS),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, part=inner),
        st.builds(And, parts=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, parts=st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(FILTERS, TEXTS, st.booleans())
def test_any_query_comes_back_from_json(node: Filter, text: str, descending: bool) -> None:
    query = understand(text, filter=node, sort=(Sort(field="price_minor", descending=descending),))
    assert query_from(orjson.loads(orjson.dumps(query_values(query)))) == query


def test_its_size_is_about_what_it_takes(shop: Shop) -> None:
    made(shop)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [made(shop) for _ in range(20)]
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.7 * taken < sum(frozen.nbytes for frozen in kept) < 1.6 * taken
