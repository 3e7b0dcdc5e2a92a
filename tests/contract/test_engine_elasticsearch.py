import pytest

from tests.contract.engine_contract import EngineContract


@pytest.mark.integration
class TestElasticsearch(EngineContract):
    engine_name = "elasticsearch"
