"""The contract suites: what every adapter of a Protocol must do."""

import pytest

pytest.register_assert_rewrite("tests.contract.engine", "tests.contract.asking")
