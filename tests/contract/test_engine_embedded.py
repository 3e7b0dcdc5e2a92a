from tests.contract.engine_contract import EngineContract


class TestEmbedded(EngineContract):
    engine_name = "embedded"
