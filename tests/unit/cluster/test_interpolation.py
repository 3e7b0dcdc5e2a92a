"""Variables in compose files. The table agrees with compose-go, the reference implementation, case by case."""

from __future__ import annotations

import pytest

from multirecall.engine.cluster.errors import InvalidComposeFile
from multirecall.engine.cluster.interpolation import interpolated, interpolated_tree

VARIABLES = {"SET": "value", "EMPTY": "", "N1": "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a$SET-b", "avalue-b"),
        ("$$SET", "$SET"),
        ("$${SET}", "${SET}"),
        ("$$$$", "$$"),
        ("$1", "$1"),
        ("100$", "100$"),
        ("$NONE", ""),
        ("${NONE}", ""),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NONE-d}", "d"),
        ("${SET:-d}", "value"),
        ("${SET:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${EMPTY+r}", "r"),
        ("${NONE+r}", ""),
        ("${SET:?no}", "value"),
        ("${EMPTY?no}", ""),
        ("${NONE:-${SET}}", "value"),
        ("${NONE:-${NONE2:-deep}}", "deep"),
        ("${SET:-${NONE:?never read}}", "value"),
        ("${NONE:-$$x}", "$x"),
        ("${NONE:-http://h:1/p?q=1}", "http://h:1/p?q=1"),
        ("${NONE:-a}b}", "ab}"),
        ("-Xms${NONE:-1g} -Xmx${N1}g", "-Xms1g -Xmx7g"),
    ],
)
def test_interpolated_when_well_formed_then_as_the_specification_says(text: str, expected: str) -> None:
    assert interpolated(text, VARIABLES) == expected


@pytest.mark.parametrize("text", ["${", "${SET", "${SET!x}", "${1BAD}", "${NONE:-a", "${}"])
def test_interpolated_when_malformed_then_the_text_is_named(text: str) -> None:
    with pytest.raises(InvalidComposeFile) as caught:
        interpolated(text, VARIABLES)
    assert caught.value.data["text"] == text


@pytest.mark.parametrize("text", ["${NONE:?set it to $SET}", "${EMPTY:?set it to $SET}", "${NONE?set it to $SET}"])
def test_interpolated_when_a_required_variable_is_missing_then_the_reason_of_the_file_is_told(text: str) -> None:
    with pytest.raises(InvalidComposeFile, match="set it to value"):
        interpolated(text, VARIABLES)


def test_interpolated_when_a_variable_is_unset_then_it_is_told_but_not_for_branches_that_are_not_taken() -> None:
    missed: list[str] = []
    interpolated("$A ${B} ${C:-$D} ${SET:-$E} ${F:+$G} $EMPTY", VARIABLES, on_unset=missed.append)
    assert missed == ["A", "B", "D"]


def test_interpolated_tree_when_nested_then_values_are_filled_in_and_keys_and_numbers_stay() -> None:
    tree = {"$SET": ["$SET", 1, {"a": "${NONE:-x}"}], "b": None, "c": True}
    assert interpolated_tree(tree, VARIABLES) == {"$SET": ["value", 1, {"a": "x"}], "b": None, "c": True}


def test_interpolated_tree_when_malformed_then_the_place_is_named() -> None:
    with pytest.raises(InvalidComposeFile, match=r"services\.api\.command\[1\]"):
        interpolated_tree({"services": {"api": {"command": ["x", "${"]}}}, VARIABLES)
