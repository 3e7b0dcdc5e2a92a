from __future__ import annotations

import math
from typing import Any

import pytest

from multirecall.core.filters import And, Exists, Filter, Or, Range, Term, Terms
from multirecall.engines.servers.filters import filter_query
from tests.unit.engines.servers.requests import SCHEMA

NOTHING = {"match_none": {}}


@pytest.mark.parametrize(
    ("node", "query"),
    [
        (Terms(field="brand", values=()), NOTHING),
        (Or(parts=()), NOTHING),
        (And(parts=()), {"match_all": {}}),
        (Term(field="brand", value="\ud800"), NOTHING),
        (Terms(field="brand", values=("HP", "\ud800")), {"term": {"brand": "HP"}}),
        (Term(field="price_minor", value=10.5), NOTHING),
        (Term(field="price_minor", value=1e300), NOTHING),
        (Term(field="popularity", value=1e300), {"term": {"popularity": 1e300}}),
        (Term(field="attributes.touch", value=False), {"term": {"attribute_pairs": "touch=false"}}),
        (Range(field="price_minor", gte=1e30), NOTHING),
        (Range(field="price_minor", lt=-1e30), NOTHING),
        (Range(field="price_minor", gte=-1e30, lt=10.5), {"range": {"price_minor": {"lt": 10.5}}}),
        (Range(field="price_minor", lte=1e30), {"exists": {"field": "price_minor"}}),
        (Range(field="popularity", gt=-math.inf, lte=math.inf), {"exists": {"field": "popularity"}}),
        (Range(field="popularity", gte=math.inf), NOTHING),
        (Range(field="popularity", lt=-math.inf), NOTHING),
        (Range(field="attributes.weight", gt=1.5), {"range": {"attribute_numbers.weight": {"gt": 1.5}}}),
        (
            Range(field="attributes.width (max.)", gt=1),
            {"range": {"attribute_numbers.width%20%28max%2E%29": {"gt": 1}}},
        ),
        (Exists(field="attributes.a.b"), {"term": {"attribute_names": "a.b"}}),
        (Exists(field="attributes.\udfff"), NOTHING),
        (Exists(field="codes"), {"exists": {"field": "codes"}}),
    ],
)
def test_a_filter_becomes_its_query(node: Filter, query: dict[str, Any]) -> None:
    assert filter_query(node, SCHEMA) == query
