"""One filled engine of each kind and seed, beside the exact one, for all congruence tests of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from multirecall.engines.base import Engine
from multirecall.engines.exact import ExactEngine
from tests.congruence.pairs import Pair, filled
from tests.support.catalogue import make_catalogue
from tests.support.figures import CONGRUENCE
from tests.support.stores import engine_store

SEEDS = (2011, 2026)
SIZE = 1_200

Record = Callable[[str, float], None]

_ENGINES = [
    pytest.param("embedded"),
    pytest.param("elasticsearch", marks=pytest.mark.integration),
    pytest.param("opensearch", marks=pytest.mark.integration),
]


@pytest.fixture(scope="session", params=_ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session", params=SEEDS, ids=lambda seed: f"seed={seed}")
def pair(request: pytest.FixtureRequest, engine_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The two engines, filled with the catalogue of the seed; to be read only."""
    store = engine_store(engine_name, tmp_path_factory)
    catalogue = make_catalogue(request.param, SIZE)

    def spare() -> Engine:
        return store.open(store.unique_name())

    with ExactEngine() as exact, spare() as other:
        yield Pair(
            catalogue=catalogue,
            exact=filled(exact, catalogue.products),
            other=filled(other, catalogue.products),
            spare=spare,
        )
    store.clear()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Keeps a measured figure under its name; all are printed at the end of the run, to set the floors by."""

    def keep(name: str, value: float) -> None:
        figure = {"test": request.node.name, "name": name, "value": float(value)}
        request.node.user_properties.append((CONGRUENCE, figure))

    return keep
