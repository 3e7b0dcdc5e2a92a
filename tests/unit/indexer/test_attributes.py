from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from multirecall.indexer.attributes import MAX_ATTRIBUTES, AttributeReader, attribute_name
from multirecall.indexer.mapping import AttributeRules


def _read(
    record: dict[str, Any], rules: AttributeRules, numeric: tuple[str, ...] = (), used: tuple[str, ...] = ()
) -> Any:
    return AttributeReader(rules, numeric, used).read(record)


PREFIXES = AttributeRules(prefixes=("attr_t_", "attr_n_", "attr_b_"))


@pytest.mark.parametrize(
    ("raw", "clean", "kept"),
    [
        ("Screen Size (inch)", "screen_size_inch", "Screen Size (inch)"),
        ("operating_temperature__t_t_", "operating_temperature_t_t", "operating_temperature__t_t_"),
        ("a.b=c\x00", "a_b_c", "a_b_c_"),
        ("Größe", "größe", "Größe"),
        ("***", "", "***"),
    ],
)
def test_names(raw: str, clean: str, kept: str) -> None:
    assert attribute_name(raw, clean=True) == clean
    assert attribute_name(raw, clean=False) == kept


def test_prefixes_are_cut_off_and_kinds_kept() -> None:
    record = {"attr_t_type": "Toner", "attr_n_width": 17, "attr_b_colour": False, "attr_t_none": "", "title": "x"}
    assert _read(record, PREFIXES) == ({"type": "Toner", "width": 17.0, "colour": False}, [])


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_fields_with_one_name_the_number_keeps_it(turned: bool) -> None:
    record = {"attr_b_height": True, "attr_n_height": 100.0}
    if turned:
        record = dict(reversed(record.items()))
    assert _read(record, PREFIXES)[0] == {"height": 100.0, "attr_b_height": True}


def test_two_names_that_cannot_be_told_apart_are_reported() -> None:
    found, problems = _read({"Colour": "red", "colour": "blue"}, AttributeRules(fields=("Colour", "colour")))
    assert found == {"colour": "red"}
    assert problems == ["two fields come to one name, the later was left out"]


def test_rest_takes_what_no_role_uses_and_exclude_wins() -> None:
    rules = AttributeRules(rest=True, exclude=("secret",))
    record = {"id": "1", "maker": {"name": "A"}, "size": "L", "secret": "x"}
    assert _read(record, rules, used=("id", "maker.name"))[0] == {"size": "L"}


def test_texts_are_numbers_only_where_the_mapping_says_so() -> None:
    rules = AttributeRules(fields=("width", "model"))
    record = {"width": "17.5", "model": "4250"}
    assert _read(record, rules, numeric=("width",))[0] == {"width": 17.5, "model": "4250"}
    assert _read({"width": "17 cm"}, rules, numeric=("width",))[0] == {"width": "17 cm"}


def test_values_without_a_form_are_left_out_or_reported() -> None:
    rules = AttributeRules(rest=True)
    record = {"a": math.nan, "b": 10**400, "c": [], "d": b"raw", "e": dt.date(2024, 1, 2), "f": [{"x": 1}]}
    found, problems = _read(record, rules)
    assert found == {"e": "2024-01-02"}
    assert problems == ["an attribute value of kind bytes was left out"]


def test_the_number_of_attributes_has_a_limit() -> None:
    found, problems = _read({f"a{i}": 1 for i in range(MAX_ATTRIBUTES + 5)}, AttributeRules(rest=True))
    assert len(found) == MAX_ATTRIBUTES
    assert problems == [f"more than {MAX_ATTRIBUTES} attributes, the rest was left out"]
