"""How processes share the tests of a run (`pytest -n 3`, by pytest-xdist)."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["part_of"]

_TOGETHER = {
    "tests/congruence/": "filled engines",
    "tests/e2e/page/": "icecat",
    "tests/e2e/test_icecat.py": "icecat",
    "tests/contract/test_encoders.py": "models",
    "tests/unit/encoders/": "models",
}
"""Tests that share what is long to make or to load, by the beginning of their ids."""


def part_of(test: str) -> str:
    """The part of the run that a test (by its id) belongs to; one process does all of a part. Mostly its file."""
    file = test.partition("::")[0]
    return next((part for beginning, part in _TOGETHER.items() if file.startswith(beginning)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Parts in the order of their folders: those that take longest come first, and the many short ones fill the end."""
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return part_of(nodeid)

    config.option.loadscopereorder = False
    return Parts(config, log)
