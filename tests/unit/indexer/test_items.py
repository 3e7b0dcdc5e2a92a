"""Items travel as JSON and come back the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from multirecall.indexer.items import CopyItem, DeleteItem, Item, RowItem, UpdateItem, from_json, to_json

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4)
IDS = st.text(min_size=1)
VERSIONS = st.none() | st.integers(0, 2**63 - 1)
TRIES = st.integers(0, 100)
ITEMS: st.SearchStrategy[Item] = st.one_of(
    st.builds(
        RowItem,
        id=IDS, row=OBJECTS, version=VERSIONS, file=st.text(), number=st.integers(0, 10**9),
        line=st.none() | st.integers(1, 10**9), tries=TRIES,
    ),
    st.builds(
        CopyItem,
        id=IDS, record=OBJECTS, record_version=st.integers(0, 2**63 - 1),
        field_versions=st.dictionaries(st.text(), st.integers(0, 2**63 - 1), max_size=3), tries=TRIES,
    ),
    st.builds(UpdateItem, id=IDS, fields=OBJECTS, version=VERSIONS, tries=TRIES),
    st.builds(DeleteItem, id=IDS, version=VERSIONS, tries=TRIES),
)  # fmt: skip


@given(st.lists(ITEMS, max_size=5))
def test_items_come_back_as_they_went(items: list[Item]) -> None:
    assert from_json(json.loads(json.dumps(to_json(items)))) == items


def test_what_is_at_its_default_does_not_travel() -> None:
    items: list[Item] = [
        RowItem(id="1", row={"id": 1}),
        CopyItem(id="2", record={}),
        UpdateItem(id="3", fields={"price_minor": None}),
        DeleteItem(id="4"),
    ]
    assert to_json(items) == [
        {"kind": "row", "id": "1", "row": {"id": 1}},
        {"kind": "copy", "id": "2"},
        {"kind": "update", "id": "3", "fields": {"price_minor": None}},
        {"kind": "delete", "id": "4"},
    ]


@pytest.mark.parametrize("version", [0, 1, None])
def test_version_zero_is_a_version(version: int | None) -> None:
    [item] = from_json(to_json([DeleteItem(id="1", version=version)]))
    assert item.version == version  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [{}, {"kind": "nonsense", "id": "1"}, {"id": "1", "row": {}}])
def test_what_is_no_item_is_named(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="Not an item") as caught:
        from_json([value])
    assert caught.value.data["field"] == "kind"


@pytest.mark.parametrize("value", [{"kind": "delete"}, {"kind": "delete", "id": "1", "colour": "red"}])
def test_an_item_of_another_shape_is_named(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="Not an item"):
        from_json([value])
