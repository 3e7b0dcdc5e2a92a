"""Gaps are strict, name a known engine, and come with a reason."""

from __future__ import annotations

import pytest

import tests.contract.engine_contract  # noqa: F401  (importing it marks the gaps)
from tests.contract.gaps import ENGINES, GAPS, gap, mark_gaps, markdown


@pytest.mark.parametrize(
    ("engine", "kind", "reason"), [("solr", "never", "why"), ("exact", "maybe", "why"), ("exact", "never", " ")]
)
def test_a_gap_that_is_not_spelt_out_is_an_error(engine: str, kind: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"gap|engine"):
        gap(engine, kind, reason, raises=NotImplementedError)  # type: ignore[arg-type]


def test_a_gap_becomes_a_strict_expected_failure_of_its_engine_only(request: pytest.FixtureRequest) -> None:
    before = len(GAPS)

    @gap("embedded", "notyet", "tantivy must first", raises=KeyError)
    def test_something() -> None: ...

    del GAPS[before:]
    item = pytest.Function.from_parent(request.node.parent, name="something", callobj=test_something)
    mark_gaps(item, "exact")
    assert not list(item.iter_markers("xfail"))
    mark_gaps(item, "embedded")
    [marker] = item.iter_markers("xfail")
    assert marker.kwargs == {"strict": True, "raises": KeyError, "reason": "notyet: tantivy must first"}


def test_every_gap_stands_in_the_table_and_none_is_open_by_neglect() -> None:
    assert {g.engine for g in GAPS} <= set(ENGINES)
    assert [g for g in GAPS if g.kind != "never"] == []
    table = markdown().splitlines()
    assert len(table) == 2 + len(GAPS)
    assert all(any(g.engine in row and g.test in row and g.reason in row for row in table) for g in GAPS)
