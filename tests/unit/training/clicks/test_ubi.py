from __future__ import annotations

import random
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSource
from multirecall.training.clicks import read_click_log
from tests.unit.training.clicks.logs import event, jsonl, rows_of

QUERIES = [
    {"query_id": "s1", "user_query": "Red  Shoes", "query_response_hit_ids": ["p1", "p2", "p3"]},
    {"query_id": "s2", "user_query": "red shoes", "query_response_hit_ids": ["p2", "p1", "p3"]},
]
EVENTS = [
    event("s1", "impression", "p1", 1),
    event("s1", "impression", "p2", 2),
    event("s1", "click", "p2", 2),
    event("s1", "click", "p2", 2),
    event("s1", "add_to_cart", "p2"),
    event("s2", "click", "p1"),
    event("s2", "purchase", "p1"),
    event("s2", "scroll", "p1"),
    {"action_name": "login", "client_id": "c"},
]
EXPECTED = {
    ("red shoes", "p1", 1): (1, 0, 0, 0),
    ("red shoes", "p2", 2): (1, 1, 1, 0),
    # s2 logged no impressions: what its query record lists was shown
    ("red shoes", "p2", 1): (1, 0, 0, 0),
    ("red shoes", "p1", 2): (1, 1, 1, 1),
    ("red shoes", "p3", 3): (1, 0, 0, 0),
}


def test_events_and_queries_are_joined_by_search(tmp_path: Path) -> None:
    log = read_click_log([jsonl(tmp_path / "events", EVENTS), jsonl(tmp_path / "queries", QUERIES)])
    assert rows_of(log) == EXPECTED
    assert (log.lines, log.ignored, log.rejected) == (11, 2, 0)
    assert log.texts == ("Red Shoes",)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_lines_does_not_matter(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multirecall.training.clicks.ubi_join._BATCH", 1 + seed)
    records = [*QUERIES, *EVENTS]
    random.Random(seed).shuffle(records)
    assert rows_of(read_click_log([jsonl(tmp_path / "all", records)])) == EXPECTED


def test_lines_of_an_export_have_the_record_inside(tmp_path: Path) -> None:
    wrapped = [{"_index": "ubi", "_id": str(i), "_source": record} for i, record in enumerate([*QUERIES, *EVENTS])]
    assert rows_of(read_click_log([jsonl(tmp_path / "all", wrapped)])) == EXPECTED


def test_ordinals_from_0_are_moved_up(tmp_path: Path) -> None:
    records = [
        event("s", "impression", 7, 0, user_query="tv"),
        event("s", "impression", 8, "1", user_query="tv"),
        event("s", "click", 8),
    ]
    assert rows_of(read_click_log([jsonl(tmp_path / "e", records)])) == {
        ("tv", "7", 1): (1, 0, 0, 0),
        ("tv", "8", 2): (1, 1, 0, 0),
    }


def test_actions_of_ones_own_are_added(tmp_path: Path) -> None:
    records = [event("s", "impression", "p", 1, user_query="tv"), event("s", "Quick_Buy", "p")]
    path = jsonl(tmp_path / "e", records)
    with pytest.raises(InvalidSource, match="was clicked"):
        read_click_log([path])
    assert rows_of(read_click_log([path], actions={"quick_buy": "purchase"})) == {("tv", "p", 1): (1, 1, 1, 1)}


def test_records_that_are_wrong_are_named_by_line_and_field(tmp_path: Path) -> None:
    records = [
        *QUERIES,
        *EVENTS,
        "{broken",
        "[1, 2]",
        {"user_query": "tv"},
        {"query_id": "s9"},
        {"query_id": "s9", "user_query": 5},
        {"query_id": "s9", "user_query": "tv", "query_response_hit_ids": "p1"},
        {"query_id": "s1", "action_name": "click", "event_attributes": {"object": {}}},
        {"query_id": "s1", "action_name": "click", "event_attributes": [1]},
        event("s1", "click", "p1", "top"),
        event("s1", "click", "p1", -3),
    ]
    path = jsonl(tmp_path / "all", records)
    log = read_click_log([path])
    assert rows_of(log) == EXPECTED
    assert [(r.line, r.field) for r in log.first_rejected] == [
        (12, "line"),
        (13, "line"),
        (14, "query_id"),
        (15, "user_query"),
        (16, "user_query"),
        (17, "query_response_hit_ids"),
        (18, "event_attributes.object.object_id"),
        (19, "event_attributes"),
        (20, "event_attributes.position.ordinal"),
        (21, "event_attributes.position.ordinal"),
    ]


def test_what_the_join_cannot_use_is_rejected_with_its_search(tmp_path: Path) -> None:
    records = [
        *QUERIES,
        *EVENTS,
        event("s1", "click", "p9"),  # never shown
        event("s3", "impression", "p1", 1),  # no text
        event("s4", "impression", "p1", user_query="tv"),  # no position
    ]
    log = read_click_log([jsonl(tmp_path / "all", records)])
    assert rows_of(log) == EXPECTED
    assert {(r.file, r.field) for r in log.first_rejected} == {
        ("search s1", "action_name"),
        ("search s3", "user_query"),
        ("search s4", "event_attributes.position.ordinal"),
    }


def test_clicks_alone_are_no_log(tmp_path: Path) -> None:
    with pytest.raises(InvalidSource, match="no impression of it was logged"):
        read_click_log([jsonl(tmp_path / "e", [event("s", "click", "p", 1, user_query="tv")])])
