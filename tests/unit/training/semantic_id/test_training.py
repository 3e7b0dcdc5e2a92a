"""Ids and the model that writes them, from an index to a search: small, but all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Engine
from multirecall.engines.exact import ExactEngine
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.indexer.build import build
from multirecall.indexer.copying import copy_live
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.sources import Records
from multirecall.recall.base import QueryVectors, RecallContext
from multirecall.search.understand import understand
from multirecall.training.generation.backbones import Backbone
from multirecall.training.generation.sft import FineTuning
from multirecall.training.semantic_id.lessons import read_products
from multirecall.training.semantic_id.training import IdRecipe, ids_of, lessons_of, train_semantic_ids
from multirecall.wiring.generative_routes import open_semantic_id_route
from multirecall.wiring.labellers import index_labellers

pytestmark = pytest.mark.usefixtures("learning")

ENCODER = HashingEncoder(dim=16)
MAPPING = FieldMapping.from_dict(
    {"id": "id", "title": "title", "brand": "brand", "category": {"field": "kind"}, "allow_missing_fields": True}
)
KINDS = ("toner", "paper", "lamp", "chair")
ROWS = [
    {"id": f"p{n:02d}", "title": f"{KINDS[n % 4]} {KINDS[n % 4]} model {n}", "brand": f"B{n % 3}", "kind": KINDS[n % 4]}
    for n in range(40)
]
RECIPE = IdRecipe(
    sizes=(4, 3, 3),
    backbone=Backbone(vocab=300, d_model=32, d_ff=32, heads=2, layers=1, dropout=0.0),
    tuning=FineTuning(steps=120, batch=16, rate=5e-3, warmup=10, embeddings=10.0),
    save_every=20,
)
JUDGED = JudgedQuery(qid="q1", text="sit down")
JUDGMENTS = Judgments(grades={"q1": {"p03": 3.0, "p07": 1.0}})


@pytest.fixture
def engine() -> Iterator[Engine]:
    with ExactEngine("shop") as engine:
        build(engine, Records(ROWS), encoders={"dense": ENCODER}, mapping=MAPPING)
        yield engine


def test_from_an_index_to_a_search(engine: Engine, tmp_path: Path) -> None:
    rows = []
    trained = train_semantic_ids(
        engine, RECIPE, out=tmp_path / "ids", queries=[JUDGED], judgments=JUDGMENTS, on_row=rows.append
    )
    assert len(rows) == RECIPE.tuning.steps
    assert rows[-1]["loss"] < rows[0]["loss"] / 2
    assert trained.card["products"] == len(ROWS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids"]
    copy_live(engine, encoders={"dense": ENCODER}, labellers=index_labellers(f"semantic_id:{tmp_path / 'ids'}"))
    route = open_semantic_id_route(engine, engine.info(), k=5)
    right = 0
    for kind in KINDS:
        query = understand(f"{kind} model")
        context = RecallContext(deadline=Deadline.never(), vectors=QueryVectors(query.text, {"dense": ENCODER}))
        route.prepare(query, context)
        found = route.ranking(query, context, engine.search_many(route.requests(query, context), Deadline.never()))
        right += sum(ROWS[int(hit.id[1:])]["kind"] == kind for hit in found.hits)
    assert right >= 15, "of 20 products, 5 would be of the kind by chance"


def test_an_interrupted_training_goes_on_to_the_same_model(engine: Engine, tmp_path: Path) -> None:
    recipe = replace(RECIPE, tuning=replace(RECIPE.tuning, steps=40))

    def stop_at_30(row: object) -> None:
        assert isinstance(row, dict)
        if row["step"] == 30:
            raise KeyboardInterrupt

    whole = train_semantic_ids(engine, recipe, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_semantic_ids(engine, recipe, out=tmp_path / "again", on_row=stop_at_30)
    assert not (tmp_path / "again").exists()
    steps: list[int] = []
    again = train_semantic_ids(
        engine, recipe, out=tmp_path / "again", resume=True, on_row=lambda row: steps.append(int(row["step"]))
    )
    assert steps == list(range(21, 41))
    for name in ("ids", "model/step.onnx", "model/texts.onnx", "model/tokenizer.json"):
        assert (again.out / name).read_bytes() == (whole.out / name).read_bytes()


def test_lessons_are_of_every_product_and_of_what_is_judged_good(engine: Engine) -> None:
    products = read_products(engine, "dense")
    ids = {name: f"<a_{at}>" for at, name in enumerate(products.ids)}
    own, judged = lessons_of(products, ids, RECIPE, queries=[JUDGED], judgments=JUDGMENTS)
    assert judged == [("sit down", ids["p03"])]
    assert {one for _, one in own} == set(ids.values())
    assert len(own) == len(ROWS) * (1 + RECIPE.made_up)
    assert next(text for text, one in own if one == ids["p05"]) == ROWS[5]["title"]
    assert all(set(text.split()) <= {"paper", "model", "5", "b2"} for text, one in own if one == ids["p05"])


def test_the_frequent_tokens_of_the_middle_layer_can_go(engine: Engine) -> None:
    products = read_products(engine, "dense")
    whole = ids_of(products, replace(RECIPE, heads=0), encoder="e")
    short = ids_of(products, replace(RECIPE, heads=3), encoder="e")
    assert (whole.ids.length, short.ids.length) == (3.0, 2.0)
    assert short.ids.distinct <= whole.ids.distinct


def test_what_cannot_be_learned_from_is_said_before_anything_is_written(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidSettings, match="holds no semantic ids"):
        train_semantic_ids(engine, RECIPE, out=tmp_path / "taken")
    with pytest.raises(InvalidInput, match="no vectors 'small'"):
        train_semantic_ids(engine, RECIPE, out=tmp_path / "out", vector_field="small")
    with ExactEngine("plain") as plain:
        build(plain, Records(ROWS), encoders={}, mapping=MAPPING)
        with pytest.raises(InvalidSettings, match="no semantic ids"):
            open_semantic_id_route(plain, plain.info(), k=5)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
