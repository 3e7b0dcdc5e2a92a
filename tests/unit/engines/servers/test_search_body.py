"""Search bodies against golden files. `UPDATE_GOLDEN=1 pytest …` writes them anew: read the diff before it is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import InvalidFilter, InvalidInput, UnsupportedFeature
from multirecall.core.filters import Range, Term
from multirecall.core.query import Sort
from multirecall.engines.base import EngineRequest, Everything, Text, Vector
from multirecall.engines.servers.search_body import column_fields, search_body, source_fields
from multirecall.engines.servers.transport import dumps
from tests.support.records import unit
from tests.unit.engines.servers.requests import DIALECTS, REQUESTS, SCHEMA

GOLDEN = Path(__file__).parents[1] / "golden"


def as_sent(body: dict[str, Any]) -> Any:
    return json.loads(dumps(body))


@pytest.mark.parametrize("engine", DIALECTS)
@pytest.mark.parametrize("name", REQUESTS)
def test_the_body_is_the_golden_one(engine: str, name: str) -> None:
    body = as_sent(search_body(REQUESTS[name], SCHEMA, DIALECTS[engine], 250))
    path = GOLDEN / f"{engine}_{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    assert body == json.loads(path.read_text())


def test_every_golden_file_belongs_to_a_request() -> None:
    expected = {f"{engine}_{name}.json" for engine in DIALECTS for name in REQUESTS}
    assert {path.name for path in GOLDEN.glob("*.json")} == expected


@pytest.mark.parametrize("name", [name for name in REQUESTS if not name.startswith("vector")])
def test_both_servers_get_the_same_body_but_for_vectors(name: str) -> None:
    bodies = [search_body(REQUESTS[name], SCHEMA, dialect, None) for dialect in DIALECTS.values()]
    assert bodies[0] == bodies[1]


def test_without_a_deadline_there_is_no_timeout() -> None:
    assert "timeout" not in search_body(REQUESTS["text"], SCHEMA, DIALECTS["opensearch"], None)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (EngineRequest(clause=Everything(), k=1, filter=Term(field="colour", value="red")), InvalidFilter),
        (EngineRequest(clause=Everything(), k=1, filter=Term(field="brand", value=5)), InvalidFilter),
        (EngineRequest(clause=Everything(), k=1, filter=Range(field="attributes.height", gte=1)), UnsupportedFeature),
        (EngineRequest(clause=Vector(field="none", vector=unit(1, 0)), k=1), InvalidInput),
        (EngineRequest(clause=Vector(field="dense", vector=unit(1, 0)), k=1), InvalidInput),
        (
            EngineRequest(clause=Vector(field="dense", vector=unit(1, 0, 0, 0)), k=1, sort=(Sort(field="brand"),)),
            UnsupportedFeature,
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused_here(request_: EngineRequest, error: type[Exception]) -> None:
    with pytest.raises(error):
        search_body(request_, SCHEMA, DIALECTS["elasticsearch"], None)


def test_fields_whose_order_a_column_would_lose_come_from_the_stored_product() -> None:
    fields = ("price_minor", "category", "codes", "attributes.a.b", "brand")
    assert column_fields(fields) == ("price_minor", "category", "brand")
    assert source_fields(fields) == ("attributes", "codes")


@pytest.mark.parametrize(("asked", "k", "given"), [(0, 10, 100), (0, 400, 800), (0, 9_000, 10_000), (50, 100, 100)])
def test_the_number_of_candidates_is_at_least_k_and_at_most_the_servers_limit(asked: int, k: int, given: int) -> None:
    clause = Vector(field="dense", vector=unit(1, 0, 0, 0), n_candidates=asked)
    body = search_body(EngineRequest(clause=clause, k=k), SCHEMA, DIALECTS["elasticsearch"], None)
    assert body["knn"]["num_candidates"] == given


def test_text_scores_stay_when_another_order_is_asked_for() -> None:
    request = EngineRequest(clause=Text(text="lamp"), k=1, sort=(Sort(field="brand"),))
    assert search_body(request, SCHEMA, DIALECTS["elasticsearch"], None)["track_scores"] is True
