from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.engines.opening import open_engine
from multirecall.evaluation.testbed import write_sample
from multirecall.indexer.build import build
from multirecall.indexer.mapping import read_mapping
from multirecall.indexer.sources import Catalogue


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 generated products, 300 queries."""
    folder = tmp_path_factory.mktemp("rewriter shop")
    write_sample(folder, products=200, queries=300, seed=3)
    with open_engine(f"embedded:{folder / 'index'}", create=True) as engine:
        mapping = read_mapping(folder / "multirecall.toml")
        build(engine, Catalogue([folder / "catalogue.jsonl"]), encoders={}, mapping=mapping)
    return folder


@pytest.fixture(scope="session")
def shop(shop_folder: Path) -> str:
    """The engine URL of the shop."""
    return f"embedded:{shop_folder / 'index'}"
