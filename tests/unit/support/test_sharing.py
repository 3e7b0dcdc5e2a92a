"""Which tests one process does together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sharing import _TOGETHER, part_of

ROOT = Path(__file__).resolve().parents[3]


def test_a_file_is_a_part() -> None:
    assert part_of("tests/unit/a/test_b.py::TestC::test_d[x::y]") == "tests/unit/a/test_b.py"


def test_tests_that_share_what_is_long_to_make_are_one_part() -> None:
    assert part_of("tests/congruence/test_filters.py::test_a") == part_of("tests/congruence/test_vectors.py::test_b")
    assert part_of("tests/contract/test_encoders.py::test_a") == part_of("tests/unit/encoders/test_onnx.py::test_b")


@pytest.mark.parametrize("beginning", _TOGETHER)
def test_what_is_named_is_there(beginning: str) -> None:
    assert (ROOT / beginning).exists()
