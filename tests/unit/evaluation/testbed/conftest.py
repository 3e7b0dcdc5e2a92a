from __future__ import annotations

import pytest

from multirecall.evaluation.testbed import write_sample
from tests.unit.evaluation.testbed.bed import Bed, read_bed


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Bed:
    """2,000 products and 700 queries: every class and kind of link occurs, no grade is bounded."""
    return read_bed(write_sample(tmp_path_factory.mktemp("bed"), products=2000, queries=700, seed=11))
