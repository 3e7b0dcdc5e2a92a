from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.errors import InvalidSettings
from multirecall.engines.servers.names import check_name, document_id, escaped, index_number, physical_index, unescaped


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_escaped_attribute_name_comes_back(name: str) -> None:
    field = escaped(name)
    assert unescaped(field) == name
    assert field.isascii()
    assert not set(field) & set('. *,"\\')


def test_different_attributes_have_different_fields() -> None:
    assert len({escaped(n) for n in ("a.b", "a b", "a_b", "a%2Eb", "A.b")}) == 5


@pytest.mark.parametrize(
    ("index", "number"),
    [("p-000001", 1), ("p-1234567", 1234567), ("p-old-000001", None), ("p-1", None), ("q-000001", None), ("p", None),
     ("p-000001.write", None), ("p-٠٠٠٠٠١", None)],
)  # fmt: skip
def test_only_our_own_indexes_have_a_number(index: str, number: int | None) -> None:
    assert index_number("p", index) == number


def test_numbers_and_names_fit() -> None:
    assert index_number("p", physical_index("p", 42)) == 42


@pytest.mark.parametrize("name", ["", "A", "-a", "_a", "a b", "a,b", "a*", "a/b", "..", "a.", "x" * 201])
def test_a_name_that_cannot_be_an_alias_is_refused(name: str) -> None:
    with pytest.raises(InvalidSettings):
        check_name(name)


def test_ids_stay_what_they_are_up_to_the_servers_limit() -> None:
    assert document_id("é" * 256) == "é" * 256
    assert document_id("é" * 256 + "x") == document_id("é" * 256 + "x") != document_id("é" * 256 + "y")
    assert len(document_id("製" * 1000)) <= 512
