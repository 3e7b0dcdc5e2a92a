"""What every engine refuses, before anything is sent."""

from __future__ import annotations

import re

import numpy as np
import pytest

from multirecall.core.errors import InvalidFilter, InvalidInput, UnsupportedFeature
from multirecall.core.filters import And, Exists, Filter, Not, Or, Range, Term, Terms
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import Delete, EngineRequest, Everything, Update, Upsert, Vector, Write
from multirecall.engines.checks import check_filter, check_request, rejection
from multirecall.engines.schema import Schema, VectorField
from tests.support.records import product, unit, upsert

SCHEMA = Schema(
    vectors=(VectorField(name="dense", dim=3, encoder="e", fingerprint="f"),), numeric_attributes=("width",)
)
GOOD = Term(field="brand", value="HP")


@pytest.mark.parametrize(
    "node",
    [
        GOOD, Terms(field="price_minor", values=(1, 2.5)), Range(field="attributes.width", gte=1),
        Exists(field="attributes.anything"), And(parts=()), Or(parts=(Not(part=GOOD), GOOD)),
        Term(field="attributes.x", value=True),
    ],
)  # fmt: skip
def test_good_filters_pass(node: Filter) -> None:
    check_filter(node, SCHEMA)


@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: Not(part=n), lambda n: And(parts=(GOOD, Or(parts=(n,))))])
@pytest.mark.parametrize(
    ("node", "error", "names"),
    [
        (Term(field="colour", value="Red"), InvalidFilter, "colour"),
        (Term(field="brand", value=1), InvalidFilter, "brand"),
        (Terms(field="price_minor", values=(1, "2")), InvalidFilter, "price_minor"),
        (Term(field="in_stock", value="yes"), InvalidFilter, "in_stock"),
        (Range(field="currency", gte=1), InvalidFilter, "currency"),
        (Range(field="attributes.height", gte=1), UnsupportedFeature, "height"),
        (Exists(field="title"), InvalidFilter, "title"),
    ],
)
def test_bad_filters_are_found_at_any_depth(wrap, node: Filter, error: type[Exception], names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=names):
        check_filter(wrap(node), SCHEMA)


@pytest.mark.parametrize(
    ("parts", "error", "names"),
    [
        ({"filter": Term(field="x", value=1)}, InvalidFilter, "x"),
        ({"sort": (Sort(field="title"),)}, InvalidFilter, "title"),
        ({"filter": Exists(field="match_text")}, InvalidFilter, "only comes back with hits"),
        ({"sort": (Sort(field="match_text"),)}, InvalidFilter, "only comes back with hits"),
        ({"facets": (Facet(field="match_text"),)}, InvalidFilter, "only comes back with hits"),
        ({"sort": (Sort(field="attributes.height"),)}, UnsupportedFeature, "height"),
        ({"facets": (Facet(field="title"),)}, InvalidFilter, "title"),
        ({"facets": (Facet(field="price_minor"),)}, UnsupportedFeature, "edges"),
        ({"facets": (Facet(field="attributes.height", edges=(1.0,)),)}, UnsupportedFeature, "height"),
        ({"fields": ("title",)}, InvalidFilter, "title"),
        ({"clause": Vector(field="image", vector=unit(1, 2, 3))}, InvalidInput, "image.*dense"),
        ({"clause": Vector(field="dense", vector=unit(1, 2))}, InvalidInput, "2.*3"),
        ({"clause": Vector(field="dense", vector=np.zeros(3, np.float32))}, InvalidInput, "zeros"),
        (
            {"clause": Vector(field="dense", vector=unit(1, 2, 3)), "sort": (Sort(field="id"),)},
            UnsupportedFeature,
            "sort",
        ),
    ],
)
def test_bad_requests_raise(parts: dict[str, object], error: type[Exception], names: str) -> None:
    request = EngineRequest(**{"clause": Everything(), "k": 1, **parts})  # type: ignore[arg-type]
    with pytest.raises(error, match=names):
        check_request(request, SCHEMA)


@pytest.mark.parametrize(
    "write",
    [
        upsert("1", version=0), Delete(id="1", version=3),
        Upsert(product=product("1", vectors={"dense": unit(1, 2, 3)})),
        Update(id="1", fields={"price_minor": None, "in_stock": False, "popularity": 0.5, "currency": "EUR"}),
        upsert("1", attributes={"width": 3, "colour": "Red", "x": ("a", "b"), "y": True}, brand=None),
    ],
)  # fmt: skip
def test_good_writes_pass(write: Write) -> None:
    assert rejection(write, SCHEMA) == ""


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (upsert(""), "id"),
        (Delete(id="\udfff"), "surrogate"),
        (upsert("1", version=-1), "version"),
        (upsert("1", version=True), "version"),
        (upsert("1", "a\ud800"), "title"),
        (upsert("1", brand=5), "brand"),
        (upsert("1", category=("a", "\ud800")), "category"),
        (upsert("1", price_minor=True), "price_minor"),
        (upsert("1", popularity=float("nan")), "popularity"),
        (upsert("1", attributes={"width": float("inf")}), "attribute_numbers.width"),
        (upsert("1", in_stock=1), "in_stock"),
        (Update(id="1", fields={"title": "x", "brand": "y"}), "brand, title"),
        (Update(id="1", fields={"price_minor": "1"}), "price_minor"),
        (Upsert(product=product("1", vectors={"image": unit(1)})), "image"),
        (Upsert(product=product("1", vectors={"dense": unit(1, 2)})), r"\(2,\).*3"),
        (Upsert(product=product("1", vectors={"dense": np.full(3, np.inf, np.float32)})), "finite"),
        (Upsert(product=product("1", vectors={"dense": np.zeros(3, np.float32)})), "zeros"),
    ],
)
def test_bad_writes_are_refused_with_a_reason(write: Write, names: str) -> None:
    assert re.search(names, rejection(write, SCHEMA))
