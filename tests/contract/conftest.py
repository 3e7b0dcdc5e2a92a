"""Fixtures of the contract: a store per engine, and the indexes that read-only tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.engines.base import Engine
from tests.contract.asking import put
from tests.contract.engine.hostile import WILD
from tests.contract.engine.product_text import written_products
from tests.contract.gaps import mark_gaps
from tests.contract.shop import contract_schema, crowd_products, shop_products
from tests.support.stores import Store, engine_store


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gap(found): a known gap of one engine, see tests/contract/gaps.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        engine = getattr(getattr(item, "cls", None), "engine_name", None)
        if engine is not None:
            mark_gaps(item, engine)


@pytest.fixture(scope="class")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Where the engine under test puts its indexes."""
    made = engine_store(request.cls.engine_name, tmp_path_factory)
    yield made
    made.clear()


@pytest.fixture
def fresh(store: Store) -> Iterator[Engine]:
    """An engine without any index; what the test makes is deleted after it, or servers would hold hundreds."""
    with store.open(store.unique_name()) as engine:
        yield engine
    store.clear(engine.name)


@pytest.fixture
def empty(fresh: Engine) -> Engine:
    """An engine whose live index is empty."""
    fresh.swap(fresh.create(contract_schema(fresh.capabilities)))
    return fresh


@pytest.fixture(scope="class")
def shop(store: Store) -> Iterator[Engine]:
    """The shop, to be read only."""
    with store.open(store.unique_name()) as engine:
        engine.swap(engine.create(contract_schema(engine.capabilities)))
        put(engine, *shop_products())
        yield engine


@pytest.fixture(scope="class")
def crowd(store: Store) -> Iterator[Engine]:
    """The crowd, to be read only."""
    with store.open(store.unique_name()) as engine:
        engine.swap(engine.create(contract_schema(engine.capabilities)))
        put(engine, *crowd_products())
        yield engine


@pytest.fixture(scope="class")
def words(store: Store) -> Iterator[Engine]:
    """One product for each thing that catalogues write, to be read only."""
    with store.open(store.unique_name()) as engine:
        engine.swap(engine.create(contract_schema(engine.capabilities)))
        put(engine, *written_products())
        yield engine


@pytest.fixture(scope="class")
def wild(store: Store) -> Iterator[Engine]:
    """Products with the oddest values that catalogues hold, to be read only."""
    with store.open(store.unique_name()) as engine:
        engine.swap(engine.create(contract_schema(engine.capabilities)))
        put(engine, *WILD)
        yield engine
