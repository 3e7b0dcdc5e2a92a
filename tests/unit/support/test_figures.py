"""Figures of tests add up, whichever process ran them."""

from __future__ import annotations

import pytest

from tests.chaos.workers.tally import Tally
from tests.support.figures import CHAOS, left_in


def report(test: str, when: str, *left: tuple[str, object]) -> pytest.TestReport:
    place = ("tests/test_x.py", 1, test)
    return pytest.TestReport(test, place, {}, "passed", None, when, user_properties=list(left))  # type: ignore[arg-type]


def test_what_a_test_left_counts_once_though_its_later_reports_repeat_it() -> None:
    reports = [
        report("a", "setup"),
        report("a", "call", (CHAOS, 1), ("other", 9)),
        report("a", "teardown", (CHAOS, 1), ("other", 9)),
        report("b", "call", (CHAOS, 2), (CHAOS, 3)),
        "a warning",
    ]
    assert list(left_in(reports, CHAOS)) == [1, 2, 3]


def test_tallies_of_tests_add_up_and_begin_anew() -> None:
    counting = Tally()
    counting.fault("kill", 2)
    counting.documents, counting.absent, counting.comparisons = 10, 1, 1
    first = counting.taken()
    counting.fault("kill")
    counting.fault("freeze")
    second = counting.taken()
    assert counting == Tally()
    total = Tally.of([first, second])
    assert total.counts() == {
        "faults": {"freeze": 1, "kill": 3}, "faults_total": 4, "documents": 10, "absent": 1, "comparisons": 1
    }  # fmt: skip
