from tests.contract.engine_contract import EngineContract


class TestExact(EngineContract):
    engine_name = "exact"
