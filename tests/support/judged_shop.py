"""A small shop with judgments: a generated catalogue in an embedded index, and the settings that name them."""

from __future__ import annotations

from pathlib import Path

from multirecall.encoders.opening import open_encoder
from multirecall.engines.opening import open_engine
from multirecall.evaluation.testbed import write_sample
from multirecall.indexer.build import build
from multirecall.indexer.mapping import read_mapping
from multirecall.indexer.sources import Catalogue
from multirecall.wiring.settings import Settings, load_settings

__all__ = ["judged_shop"]


def judged_shop(folder: Path, *, queries: int, products: int = 200) -> Settings:
    """So many products and judged queries, made in the folder."""
    write_sample(folder, products=products, queries=queries, seed=3)
    with open_engine(f"embedded:{folder / 'index'}", create=True) as engine:
        build(
            engine,
            Catalogue([folder / "catalogue.jsonl"]),
            encoders={"dense": open_encoder("hashing?dim=32")},
            mapping=read_mapping(folder / "multirecall.toml"),
        )
    return load_settings(
        engine=f"embedded:{folder / 'index'}",
        judgments=folder / "judgments.tsv",
        judged_queries=folder / "queries.tsv",
    )
