"""A small shop behind the HTTP API: the exact engine, real parts, no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from multirecall.engines.base import IndexedProduct, IndexInfo, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.fusion import WeightedSum
from multirecall.indexer.mapping import Mapping
from multirecall.recall import LexicalRoute
from multirecall.search import Searcher
from multirecall.search.live import LiveSearcher
from multirecall.search.serving import Frontend
from multirecall.search.serving.tokens import PageTokens
from multirecall.service.answering import FrontendAnswers
from multirecall.service.app import make_service
from multirecall.service.parts import ServiceParts
from multirecall.service.places import Places
from multirecall.service.readiness import Readiness
from multirecall.service.suggesting import Suggester, read_texts

PRODUCTS: dict[str, dict[str, Any]] = {
    "p1": {"title": "Black toner", "brand": "HP", "price_minor": 4_999, "category_path": ["Printing", "Toner"]},
    "p2": {"title": "Cyan toner", "brand": "HP", "price_minor": 5_999, "category_path": ["Printing", "Toner"]},
    "p3": {"title": "Toner for copiers", "brand": "Brother", "price_minor": 1_000, "category_path": ["Printing"]},
}

MAPPING = Mapping(id=("id",), title=("title",), brand=("brand",))


def filled_engine() -> ExactEngine:
    """An engine with a live index of PRODUCTS."""
    engine = ExactEngine(name="products")
    index = engine.create(Schema(metadata={"mapping": MAPPING.to_dict()}))
    writes = [
        Upsert(product=IndexedProduct(id=name, fields={"id": name, **fields})) for name, fields in PRODUCTS.items()
    ]
    assert all(result.ok for result in engine.write(writes, index=index))
    engine.refresh(index=index)
    engine.swap(index)
    return engine


@contextmanager
def opened_live(engine: ExactEngine) -> Iterator[LiveSearcher]:
    """A live searcher of the engine that asks the lexical route."""

    def open_generation(info: IndexInfo) -> Searcher:
        return Searcher(engine, routes=[LexicalRoute()], fusion=WeightedSum(), encoders={}, index=info.name)

    with LiveSearcher(engine, open_generation) as live:
        yield live


@contextmanager
def opened_answers(engine: ExactEngine) -> Iterator[FrontendAnswers]:
    """What answers searches of the engine, without a cache."""
    with opened_live(engine) as live:
        yield FrontendAnswers(Frontend(live, tokens=PageTokens(b"a secret of tests")))


def make_parts(engine: ExactEngine, answers: Any, **others: Any) -> ServiceParts:
    """Parts with what a test does not name at its simplest."""
    given: dict[str, Any] = {
        "answers": answers,
        "engine": engine,
        "readiness": Readiness([]),
        "searches": Places("search", at_work=2, waiting=8),
        "errands": Places("errand", at_work=2, waiting=8),
        "suggester": Suggester(
            lambda index: read_texts(engine, index, max_texts=1000), generation=lambda: answers.generation
        ),
    }
    return ServiceParts(**{**given, **others})


def make_app(engine: ExactEngine, answers: Any, **others: Any) -> FastAPI:
    """The app of such parts."""
    return make_service(make_parts(engine, answers, **others))


class _KeptOpen:
    """An engine that whoever borrows it cannot close."""

    def __init__(self, engine: ExactEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def __enter__(self) -> ExactEngine:
        return self._engine

    def __exit__(self, *exc: object) -> None:
        """Leaves it open."""


def kept_open(engine: ExactEngine) -> Any:
    """The engine, for somebody who opens and closes one for each use."""
    return _KeptOpen(engine)
