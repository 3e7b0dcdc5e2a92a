"""What every test may use."""

pytest_plugins = ["tests.support.data", "tests.support.engines"]
