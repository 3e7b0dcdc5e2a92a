"""EventStore: durable, bounded by day and by days, and readable by the tools that learn from it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from multirecall.core.errors import StorageFull
from multirecall.service.bodies import EventsBody
from multirecall.service.event_store import EventStore
from multirecall.training.clicks import read_click_log

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def store(folder: Path, *, day_bytes: int = 1 << 20, keep_days: int = 3) -> EventStore:
    return EventStore(folder / "events", day_bytes=day_bytes, keep_days=keep_days)


def lines(folder: Path) -> list[dict[str, object]]:
    files = sorted((folder / "events").glob("*.jsonl"))
    return [orjson.loads(line) for path in files for line in path.read_bytes().splitlines()]


def test_records_are_kept_with_a_time_of_their_own_or_of_arrival(tmp_path: Path) -> None:
    assert (
        store(tmp_path).append([{"query_id": "a"}, {"query_id": "b", "timestamp": "2026-01-01T00:00:00Z"}], now=NOW)
        == 2
    )
    first, second = lines(tmp_path)
    assert first == {"query_id": "a", "timestamp": NOW.isoformat(timespec="milliseconds")}
    assert second["timestamp"] == "2026-01-01T00:00:00Z"
    assert store(tmp_path).append([], now=NOW) == 0


def test_a_full_day_takes_nothing_and_the_next_day_does(tmp_path: Path) -> None:
    kept = store(tmp_path, day_bytes=200)
    record = {"query_id": "a", "user_query": "x" * 60}
    kept.append([record], now=NOW)
    with pytest.raises(StorageFull):
        kept.append([record, record], now=NOW)
    assert len(lines(tmp_path)) == 1, "all or none"
    kept.append([record], now=NOW + timedelta(days=1))
    assert len(lines(tmp_path)) == 2


def test_days_beyond_those_kept_go_and_files_of_others_stay(tmp_path: Path) -> None:
    kept = store(tmp_path, keep_days=2)
    for day in range(5):
        kept.append([{"query_id": str(day)}], now=NOW + timedelta(days=day))
        if not day:
            (tmp_path / "events" / "notes.txt").write_text("mine")
    assert [one["query_id"] for one in lines(tmp_path)] == ["2", "3", "4"]
    assert (tmp_path / "events" / "notes.txt").exists()


def test_a_line_that_a_killed_process_left_swallows_nothing(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.append([{"query_id": "a"}], now=NOW)
    [path] = (tmp_path / "events").glob("*.jsonl")
    with path.open("ab") as out:
        out.write(b'{"query_id": "torn')
    kept.append([{"query_id": "b"}], now=NOW)
    assert orjson.loads(path.read_bytes().splitlines()[-1])["query_id"] == "b"


def test_threads_that_write_at_once_mix_no_lines(tmp_path: Path) -> None:
    kept = [store(tmp_path), store(tmp_path)]  # as two processes have them

    def write(number: int) -> None:
        for each in range(10):
            kept[number % 2].append([{"query_id": f"{number}-{each}"}] * 3, now=NOW)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(tmp_path)) == 4 * 10 * 3


def test_what_is_kept_is_read_by_the_clicks_that_train(tmp_path: Path) -> None:
    body = EventsBody.model_validate(EventsBody.model_config["json_schema_extra"]["examples"][0])  # type: ignore[index, call-overload]
    store(tmp_path).append(body.records(), now=NOW)
    log = read_click_log(sorted((tmp_path / "events").glob("*.jsonl")))
    assert (log.rejected, log.ignored, log.lines) == (0, 0, 2)
    assert list(log.texts) == ["black toner"]
    assert {log.products[product]: clicks for product, clicks in zip(log.product, log.clicks, strict=True)} == {
        "4711": 0,
        "4712": 1,
    }


def test_only_queries_that_found_something_are_suggested_and_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.append([{"query_id": "1", "user_query": "old", "query_response_hit_ids": ["p"]}], now=NOW - timedelta(days=1))
    kept.append(
        [
            {"query_id": "2", "user_query": "new", "query_response_hit_ids": ["p"]},
            {"query_id": "3", "user_query": "nothing found", "query_response_hit_ids": []},
            {"query_id": "3", "user_query": "an event", "action_name": "click", "query_response_hit_ids": ["p"]},
        ],
        now=NOW,
    )
    assert list(kept.queries(most_bytes=1 << 20)) == ["new", "old"]
    assert list(kept.queries(most_bytes=150)) == ["new"]
    assert list(store(tmp_path / "none").queries(most_bytes=10)) == []
