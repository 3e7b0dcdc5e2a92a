"""Which queries are worth pairs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Engine
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.training.clicks.reading import read_click_log
from multirecall.training.synthesis.mine import TailRule, queries_of_concepts, queries_of_log, query_type
from tests.support.records import upsert

TITLES = {"1": "office chair lumbar support", "2": "usb cable black", "3": "office desk"}
ENCODER = HashingEncoder(dim=64)


@pytest.fixture
def engine() -> Iterator[Engine]:
    field = VectorField(name="dense", dim=64, encoder=ENCODER.spec, fingerprint=ENCODER.fingerprint)
    with ExactEngine(name="mine") as engine:
        index = engine.create(Schema(vectors=(field,)))
        for name, title in TITLES.items():
            write = upsert(name, title, vectors={"dense": ENCODER.encode_products([title])[0]})
            assert all(result.ok for result in engine.write([write], index=index))
        engine.refresh(index=index)
        engine.swap(index)
        yield engine


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("how do i get rid of mould", "question"),
        ("nothing that means cables", "negation"),
        ("What replaces a taxi", "alternative"),
        ("something like a sofa but not leather", "alternative"),
        ("camping in the rain", "scene"),
    ],
)
def test_the_kind_is_told_by_words(text: str, kind: str) -> None:
    assert query_type(text) == kind


def test_concepts_are_said_in_every_template_once() -> None:
    concepts = [
        Concept(key="a", kind="scene", say=("rain camp", "Wet Tent"), find=("tent",)),
        Concept(key="b", kind="scene", say=("rain camp",), find=("boots",)),
    ]
    found = list(queries_of_concepts(concepts, templates={"scene": ("{say}", "things for {say}")}))
    assert [(query.text, query.why) for query in found] == [
        ("rain camp", "a"), ("wet tent", "a"), ("things for rain camp", "a"), ("things for wet tent", "a"),
    ]  # fmt: skip


def test_the_tail_of_a_log_is_what_has_few_clicks_and_no_answer_in_its_words(engine: Engine, tmp_path: Path) -> None:
    searches = {
        "office chair": 12,  # a head query
        "lumbar support": 1,  # few clicks, but a product has its words
        "a sore back": 0,
        "A Sore Back ": 0,  # the same query
        "stiff neck cure": 2,
        "qwzx vvkj": 5,  # enough clicks, but nothing is near it
        "office stiff neck": 5,
    }
    rows = ["timestamp\tquery_id\tqid\tquery\tproduct_id\tposition\tclick"]
    for number, (text, clicks) in enumerate(searches.items()):
        rows += [f"2026-01-01\ts{number}-{i}\tq{number}\t{text}\t1\t1\t{int(i < clicks)}" for i in range(12)]
    (tmp_path / "log.tsv").write_text("\n".join(rows) + "\n")
    log = read_click_log([tmp_path / "log.tsv"])
    by_clicks = queries_of_log(log, engine)
    assert [(one.text, one.type, one.why) for one in by_clicks] == [
        ("a sore back", "scene", "0 clicks"), ("stiff neck cure", "question", "2 clicks"),
    ]  # fmt: skip
    with_vectors = queries_of_log(log, engine, encoder=ENCODER, rule=TailRule(weak_share=0.0))
    assert [(one.text, one.why) for one in with_vectors] == [
        ("a sore back", "0 clicks"), ("office stiff neck", "weak"), ("qwzx vvkj", "weak"),
        ("stiff neck cure", "2 clicks"),
    ]  # fmt: skip


def test_a_rule_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidInput, match="tail rule"):
        TailRule(max_clicks=10, head_clicks=5)
