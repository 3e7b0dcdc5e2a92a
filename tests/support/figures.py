"""What tests measured and counted, told at the end of a run, however many processes shared the tests.

A test leaves its figures in `user_properties`, which travel with its report to the process that sums up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.chaos.workers.tally import Tally

__all__ = ["CHAOS", "CONGRUENCE", "left_in"]

CHAOS, CONGRUENCE = "chaos", "congruence"


def left_in(reports: Iterable[object], kind: str) -> Iterator[Any]:
    """What tests left under `kind`, each once: the reports of their setup and end repeat what that of the call says."""
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            yield from (value for name, value in report.user_properties if name == kind)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for of_outcome in terminalreporter.stats.values() for report in of_outcome]
    if measured := sorted(left_in(reports, CONGRUENCE), key=lambda one: str(one["test"])):
        terminalreporter.section("congruence with the exact engine")
    for one in measured:
        terminalreporter.write_line(f"{one['value']:.4f}  {one['name']}  ({one['test']})")
    tally = Tally.of(left_in(reports, CHAOS))
    if tally.comparisons or tally.faults:
        terminalreporter.write_line(tally.line())
        tally.write()
