"""Answers as the service describes them, and as a newer one may send them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import multirecall_client as client
from multirecall.service.bodies import (
    BatchResult,
    DeadLettersResult,
    EventsResult,
    ExplainResult,
    GenerationsResult,
    Health,
    JobsResult,
    Problem,
    Readiness,
    SearchResult,
    SuggestResult,
    WriteResult,
    answers,
    explaining,
    state,
    suggesting,
    writing,
)
from multirecall.service.bodies.events import EventsBody
from multirecall_client.changes import WriteItem
from multirecall_client.changes import WriteResult as ClientWriteResult

PAIRS: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (answers.ProductRecord, client.Product),
    (answers.TotalOut, client.Total),
    (answers.SourceOut, client.Source),
    (answers.ShareOut, client.Share),
    (answers.ExplanationOut, client.Explanation),
    (answers.HitOut, client.Hit),
    (answers.HitsOut, client.Hits),
    (answers.RouteHitOut, client.RouteHit),
    (answers.RouteOut, client.Route),
    (answers.BucketOut, client.Bucket),
    (answers.FacetOut, client.Facet),
    (answers.PageOut, client.PagePlace),
    (answers.CacheOut, client.CacheNote),
    (answers.RewriteOut, client.Rewrite),
    (SearchResult, client.SearchResult),
    (BatchResult, client.BatchResult),
    (Problem, client.Problem),
    (explaining.DifferenceOut, client.Difference),
    (ExplainResult, client.ExplainResult),
    (suggesting.SuggestionOut, client.Suggestion),
    (SuggestResult, client.SuggestResult),
    (EventsResult, client.EventsResult),
    (writing.ItemOut, WriteItem),
    (WriteResult, ClientWriteResult),
    (state.GenerationOut, client.Generation),
    (GenerationsResult, client.GenerationsResult),
    (JobsResult, client.JobsResult),
    (DeadLettersResult, client.DeadLettersResult),
    (Health, client.Health),
    (Readiness, client.Readiness),
]

FOUND: dict[str, Any] = {
    "hits": {
        "total": {"value": 2, "relation": "at_least"},
        "hits": [
            {"id": "a", "rank": 1, "score": 1.0, "product": {"id": "a", "title": "A"}},
            {"id": "b", "rank": 2, "score": 0.5, "product": {"id": "b", "title": "B"}},
        ],
    }
}


def names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(("sent", "read"), PAIRS, ids=lambda model: model.__name__)
def test_the_client_knows_every_field_that_the_service_sends(sent: type[BaseModel], read: type[BaseModel]) -> None:
    assert names(sent) == names(read)


@pytest.mark.parametrize(("sent", "read"), PAIRS, ids=lambda model: model.__name__)
def test_what_the_client_needs_the_service_always_sends(sent: type[BaseModel], read: type[BaseModel]) -> None:
    needed = {field.alias or name for name, field in read.model_fields.items() if field.is_required()}
    assert needed <= {field.alias or name for name, field in sent.model_fields.items() if field.is_required()}


def test_an_answer_with_nothing_but_hits_can_be_read() -> None:
    found = client.SearchResult.model_validate(FOUND)
    assert [hit.id for hit in found] == found.ids == ["a", "b"]
    assert (len(found), found[1].product.title, found.total.value) == (2, "B", 2)
    assert not found.page.has_more


def test_fields_and_words_of_a_newer_service_are_kept() -> None:
    newer = {
        **FOUND,
        "weather": "fine",
        "routes": {"visual": {"status": "dreamt", "hits": 3, "pictures": [1]}},
        "cache": {"status": "warm", "level": "disk"},
    }
    found = client.SearchResult.model_validate(newer)
    assert found.weather == "fine"  # type: ignore[attr-defined]
    assert found.routes["visual"].status == "dreamt"
    assert found.routes["visual"].model_extra == {"pictures": [1]}
    assert found.cache.level == "disk"


def test_a_batch_tells_answers_from_problems() -> None:
    problem = {
        "type": "urn:multirecall:invalid_filter",
        "title": "No.",
        "status": 422,
        "detail": "So.",
        "field": "x",
    }
    batch = client.BatchResult.model_validate({"results": [FOUND, problem]})
    assert [type(result) for result in batch.results] == [client.SearchResult, client.Problem]
    with pytest.raises(client.InvalidRequest) as caught:
        batch.pages()
    assert (caught.value.code, caught.value.field, caught.value.hint) == ("invalid_filter", "x", "So.")
    assert len(client.BatchResult.model_validate({"results": [FOUND]}).pages()) == 1


def test_events_are_what_the_service_reads() -> None:
    page = client.SearchResult.model_validate({**FOUND, "request_id": "r1"})
    shown = client.UbiQuery.of(page, "toner", client_id="c1")
    click = client.UbiEvent.of(page, page[1], "add_to_cart", session_id="s1")
    read = EventsBody.model_validate({"queries": [shown.to_body()], "events": [click.to_body()]})
    assert read.queries[0].query_response_hit_ids == ["a", "b"]
    assert (read.queries[0].query_id, read.queries[0].client_id) == ("r1", "c1")
    told = read.events[0]
    assert (told.action_name, told.event_attributes.object.object_id, told.session_id) == ("add_to_cart", "b", "s1")
    assert told.event_attributes.position is not None
    assert told.event_attributes.position.ordinal == 2
