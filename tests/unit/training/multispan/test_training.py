"""Titles, lessons and the model that writes spans, from an index to a search: small, but all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.filters import Term
from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus
from multirecall.engines.base import Delete, Engine
from multirecall.engines.exact import ExactEngine
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.indexer.build import build
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.sources import Records
from multirecall.recall.base import QueryVectors, RecallContext, Route
from multirecall.recall.fm_index.folder import open_fm_index
from multirecall.recall.multispan.folder import MODEL_FOLDER, TITLES_FOLDER
from multirecall.search.understand import understand
from multirecall.training.generation.backbones import Backbone
from multirecall.training.generation.sft import FineTuning
from multirecall.training.multispan.spans import learn_phrases
from multirecall.training.multispan.training import SpanRecipe, lessons_of, read_titles, train_multispan
from multirecall.wiring.generative_routes import open_multispan_route

pytestmark = pytest.mark.usefixtures("learning")

MAPPING = FieldMapping.from_dict(
    {"id": "id", "title": "title", "brand": "brand", "category": {"field": "kind"}, "allow_missing_fields": True}
)
KINDS = ("toner", "paper", "lamp", "chair")
ROWS = [
    {"id": f"p{n:02d}", "title": f"B{n % 3} {KINDS[n % 4]} for model {n}", "brand": f"B{n % 3}", "kind": KINDS[n % 4]}
    for n in range(40)
]
RECIPE = SpanRecipe(
    backbone=Backbone(vocab=300, d_model=32, d_ff=32, heads=2, layers=1, dropout=0.0),
    tuning=FineTuning(steps=150, batch=16, rate=5e-3, warmup=10, embeddings=10.0),
    save_every=20,
)
JUDGED = JudgedQuery(qid="q1", text="sit down")
JUDGMENTS = Judgments(grades={"q1": {"p03": 3.0, "p07": 1.0}})


@pytest.fixture
def engine() -> Iterator[Engine]:
    with ExactEngine("shop") as engine:
        build(engine, Records(ROWS), encoders={}, mapping=MAPPING)
        yield engine


def ranked(engine: Engine, route: Route, query: Query) -> Ranking:
    context = RecallContext(deadline=Deadline.never(), vectors=QueryVectors(query.text, {}))
    route.prepare(query, context)
    requests = route.requests(query, context)
    return route.ranking(query, context, engine.search_many(requests, Deadline.never()) if requests else [])


def test_from_an_index_to_a_search(engine: Engine, tmp_path: Path) -> None:
    rows = []
    trained = train_multispan(
        engine, RECIPE, out=tmp_path / "spans", queries=[JUDGED], judgments=JUDGMENTS, on_row=rows.append
    )
    assert rows[-1]["loss"] < rows[0]["loss"] / 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spans"]
    assert trained.card["products"] == len(ROWS)
    route = open_multispan_route(tmp_path / "spans", k=5)
    right = 0
    for kind in KINDS:
        found = ranked(engine, route, understand(kind))
        right += sum(ROWS[int(hit.id[1:])]["kind"] == kind for hit in found.hits)
        assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)
    assert right >= 15, "of 20 products, 5 would be of the kind by chance"
    filtered = ranked(engine, route, understand("lamp", filter=Term(field="brand", value="B1")))
    assert filtered.hits
    assert all(int(hit.id[1:]) % 3 == 1 for hit in filtered.hits)
    best = ranked(engine, route, understand("lamp")).hits[0].id
    assert next(iter(engine.write([Delete(id=best)]))).ok
    engine.refresh()
    assert best not in [hit.id for hit in ranked(engine, route, understand("lamp")).hits]
    assert ranked(engine, route, understand("CE285A")).status is RouteStatus.SKIPPED


def test_every_lesson_is_written_of_the_titles_tokens(engine: Engine, tmp_path: Path) -> None:
    """What the model is taught must be what the constraint lets it write."""
    from multirecall.recall.generation.onnx_steps import open_onnx_steps

    train_multispan(engine, replace(RECIPE, tuning=replace(RECIPE.tuning, steps=1)), out=tmp_path / "spans")
    model, titles = (
        open_onnx_steps(tmp_path / "spans" / MODEL_FOLDER),
        open_fm_index(tmp_path / "spans" / TITLES_FOLDER),
    )
    products = read_titles(engine)
    own, judged = lessons_of(
        products, learn_phrases(products.titles, products.brands), RECIPE, queries=[JUDGED], judgments=JUDGMENTS
    )
    assert len(own) == 2 * RECIPE.made_up * len(ROWS)
    assert len(judged) == 2
    for _, target in own + judged:
        for span in target.split(" <sep> "):
            assert titles.count(model.ids(span)) > 0, span


def test_an_interrupted_training_goes_on_to_the_same_folder(engine: Engine, tmp_path: Path) -> None:
    recipe = replace(RECIPE, tuning=replace(RECIPE.tuning, steps=30))

    def stop_at_25(row: object) -> None:
        assert isinstance(row, dict)
        if row["step"] == 25:
            raise KeyboardInterrupt

    whole = train_multispan(engine, recipe, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_multispan(engine, recipe, out=tmp_path / "again", on_row=stop_at_25)
    assert not (tmp_path / "again").exists()
    again = train_multispan(engine, recipe, out=tmp_path / "again", resume=True)
    for name in ("step.onnx", "texts.onnx", "tokenizer.json"):
        assert (again.out / MODEL_FOLDER / name).read_bytes() == (whole.out / MODEL_FOLDER / name).read_bytes()


def test_what_cannot_be_learned_from_or_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    with ExactEngine("empty") as engine:
        build(engine, Records([{"id": "1", "title": "Lamp"}]), encoders={}, mapping=MAPPING)
        with pytest.raises(InvalidSettings, match="holds no spans"):
            train_multispan(engine, RECIPE, out=tmp_path / "taken")
        assert next(iter(engine.write([Delete(id="1")]))).ok
        engine.refresh()
        with pytest.raises(InvalidInput, match="has a title"):
            train_multispan(engine, RECIPE, out=tmp_path / "out")
    with pytest.raises(InvalidSettings, match="has no model"):
        open_multispan_route(None, k=5)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
