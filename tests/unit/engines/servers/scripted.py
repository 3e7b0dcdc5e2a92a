"""A server's `_bulk` and `_mget` in memory, with faults that no real server can be made to show on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from multirecall.core.errors import EngineUnavailable
from multirecall.engines.servers.errors import raise_for
from multirecall.engines.servers.transport import Answer

__all__ = ["ScriptedServer"]

Item = dict[str, Any]


def _error(status: int, kind: str) -> Item:
    return {"status": status, "error": {"type": kind, "reason": f"[{kind}] injected"}}


@dataclass
class ScriptedServer:
    """`item_fault(id, times seen)` may give the error status of one item; `request_fault(ids, number)` that of a whole
    request, or 0 for a lost connection. Everything else is done as the servers document it."""

    item_fault: Callable[[str, int], int | None] = lambda _id, _seen: None
    request_fault: Callable[[list[str], int], int | None] = lambda _ids, _number: None
    before_apply: Callable[[str], None] = lambda _id: None
    url: str = "elasticsearch+http://scripted:9200"
    stored: dict[str, Item] = field(default_factory=dict)
    requests: list[list[str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _seq_no: int = 0

    def send(self, method: str, path: str, **given: Any) -> Any:
        answer = self.exchange(method, path, **given)
        raise_for(answer.status, answer.body, url=self.url)
        return answer.body

    def exchange(self, method: str, path: str, *, body: Any = None, **_: Any) -> Answer:
        if path.endswith("/_mget"):
            self.looked_up += body["ids"]
            return Answer(status=200, body={"docs": [*map(self._held, body["ids"])]}, headers={})
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return self._bulk(body)
        finally:
            with self._lock:
                self.in_flight -= 1

    def _held(self, id: str) -> Item:
        held = self.stored.get(id)
        if held is None:
            return {"found": False}
        return {"found": True, "_seq_no": held["seq_no"], "_primary_term": 1, "_source": held["source"]}

    def _bulk(self, body: bytes) -> Answer:
        lines = iter([json.loads(line) for line in body.splitlines()])
        actions = []
        for line in lines:
            [(action, about)] = line.items()
            actions.append((action, about, None if action == "delete" else next(lines)))
        ids = [about["_id"] for _, about, _ in actions]
        with self._lock:
            self.requests.append(ids)
            self.sizes.append(len(body))
            fault = self.request_fault(ids, len(self.requests))
        if fault == 0:
            raise EngineUnavailable(f"Cannot reach {self.url}", engine=self.url)
        if fault is not None:
            return Answer(status=fault, body={"error": _error(fault, "injected")["error"]}, headers=self.headers)
        return Answer(status=200, body={"items": [{a[0]: self._applied(*a)} for a in actions]}, headers={})

    def _applied(self, action: str, about: Item, payload: Item | None) -> Item:
        key = about["_id"]
        with self._lock:
            self.seen[key] = self.seen.get(key, 0) + 1
            status = self.item_fault(key, self.seen[key])
        if status is not None:
            return _error(status, "es_rejected_execution_exception" if status == 429 else "injected")
        self.before_apply(key)
        with self._lock:
            held = self.stored.get(key)
            guarded = "if_seq_no" in about
            if (action == "create" and held) or (guarded and (held or {}).get("seq_no") != about["if_seq_no"]):
                return _error(409, "version_conflict_engine_exception")
            if held is None and action in ("update", "delete"):
                missing = {"result": "not_found", "status": 404}
                return _error(404, "document_missing_exception") if action == "update" else missing
            self._seq_no += 1
            if action == "delete":
                del self.stored[key]
                return {"result": "deleted", "status": 200}
            source = payload if action != "update" else {**held["source"], **payload["doc"]}  # type: ignore[index]
            self.stored[key] = {"source": source, "seq_no": self._seq_no}
            done = {"result": "updated" if held else "created", "status": 200 if held else 201}
            asked = (payload or {}).get("_source") if action == "update" else None
            shown = {name: source[name] for name in asked or () if name in (source or {})}  # type: ignore[index]
            return {**done, "get": {"_source": shown}} if asked else done
