"""EventStore: what shoppers did, one JSON object a line, one file a day; `multirecall clicks FOLDER` reads it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from multirecall.core.errors import StorageFull

__all__ = ["EventStore"]


class EventStore:
    """Appends durably, within bounds: `day_bytes` a day, `keep_days` days. Blocking; safe for several threads and
    processes, each line being written in one step.

    A day that is full takes nothing more: that whoever floods it would push out older days would be worse.
    """

    def __init__(self, folder: Path, *, day_bytes: int, keep_days: int) -> None:
        self._folder = folder
        self._day_bytes, self._keep_days = day_bytes, keep_days
        self._lock = threading.Lock()
        self._pruned = date.min

    def append(self, records: Sequence[Mapping[str, Any]], *, now: datetime | None = None) -> int:
        """Stores all records, each with a time; returns how many. They are on the disk when it returns.

        Raises StorageFull if the day has no room for them; then none is stored.
        """
        if not records:
            return 0
        at = now or datetime.now(UTC)
        stamp = at.isoformat(timespec="milliseconds")
        body = b"".join(orjson.dumps({"timestamp": stamp, **record}) + b"\n" for record in records)
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            if at.date() != self._pruned:
                self._prune(at.date())
            path = self._path(at.date())
            # What others append in between may pass the bound by one request at most.
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                size = os.fstat(descriptor).st_size
                if size + len(body) > self._day_bytes:
                    raise StorageFull(
                        f"The events of {at.date()} fill their {self._day_bytes >> 20} MB.",
                        hint="Raise MULTIRECALL_EVENTS_DAY_MB.",
                        field="events",
                    )
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    body = b"\n" + body  # a process was killed within a line: it must not swallow the next one
                os.write(descriptor, body)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return len(records)

    def queries(self, *, most_bytes: int) -> Iterator[str]:
        """The texts of the queries that were stored and found something, the latest days first.

        Reads whole days until `most_bytes` were read. Lines that cannot be read are passed over.
        """
        left = most_bytes
        for path in sorted(self._folder.glob("events-*.jsonl"), reverse=True):
            with path.open("rb") as lines:
                for line in lines:
                    left -= len(line)
                    if left < 0:
                        return
                    text = _query_of(line)
                    if text:
                        yield text

    def _path(self, day: date) -> Path:
        return self._folder / f"events-{day.isoformat()}.jsonl"

    def _prune(self, today: date) -> None:
        """Deletes what is older than is kept."""
        oldest = self._path(today - timedelta(days=self._keep_days)).name
        for path in self._folder.glob("events-*.jsonl"):
            if path.name < oldest:
                path.unlink(missing_ok=True)
        self._pruned = today


def _query_of(line: bytes) -> str:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(record, dict) or "action_name" in record or not record.get("query_response_hit_ids"):
        return ""
    text = record.get("user_query")
    return text if isinstance(text, str) else ""
