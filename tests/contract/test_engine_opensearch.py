import pytest

from tests.contract.engine_contract import EngineContract


@pytest.mark.integration
class TestOpenSearch(EngineContract):
    engine_name = "opensearch"
