"""Click logs as User Behavior Insights (UBI) keeps them: JSON lines of queries and of events, in any order.

https://github.com/o19s/ubi, schemas 1.0 to 1.3. An event names its search (`query_id`), what was done (`action_name`)
and to what (`event_attributes.object.object_id`, `event_attributes.position.ordinal`); a query record names the text
(`user_query`) and may list what was shown (`query_response_hit_ids`). Lines as an export of the index writes them,
with the record under `_source`, are read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import orjson

from multirecall.training.clicks.rejects import Rejected, Rejects
from multirecall.training.clicks.ubi_join import Action, UbiJoin

__all__ = ["ACTIONS", "read_ubi"]

ACTIONS: Mapping[str, Action] = {
    "impression": "impression",
    "impressions": "impression",
    "item_impression": "impression",
    "product_impression": "impression",
    "click": "click",
    "item_click": "click",
    "product_click": "click",
    "result_click": "click",
    "click_through": "click",
    "onclick": "click",
    "add_to_cart": "cart",
    "cart": "cart",
    "purchase": "purchase",
    "buy": "purchase",
    "order": "purchase",
}
"""What an `action_name` means, in lower case. UBI fixes no names; others are added with `actions`."""

_HITS = ("query_response_hit_ids", "query_response_hits_ids", "query_response_objects_ids")


class _BadField(Exception):
    """A field that makes its line useless; caught one level up."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field, self.problem = field, problem


def read_ubi(
    path: Path, text: IO[str], join: UbiJoin, rejects: Rejects, actions: Mapping[str, Action]
) -> tuple[int, int]:
    """Adds a file's records to the join; gives the number of its lines, and of events that are of no use here.

    Events without a search (`query_id`) or of an action that `actions` does not hold are such; a line that is no JSON
    object, or an event of use without a product, is rejected.
    """
    lines = ignored = 0
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        lines += 1
        try:
            ignored += not _add(_record(line), join, actions)
        except _BadField as bad:
            rejects.add(Rejected(file=str(path), line=number, field=bad.field, problem=bad.problem))
    return lines, ignored


def _record(line: str) -> Mapping[str, Any]:
    try:
        record = orjson.loads(line)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise _BadField("line", "is no JSON") from None
    if isinstance(record, dict) and isinstance(record.get("_source"), dict):
        record = record["_source"]
    if not isinstance(record, dict):
        raise _BadField("line", "is no JSON object")
    return record


def _add(record: Mapping[str, Any], join: UbiJoin, actions: Mapping[str, Action]) -> bool:
    """Whether the record was of use."""
    search = _id(record.get("query_id"))
    action_name = record.get("action_name")
    text = " ".join(_text(record, "user_query").split())
    if action_name is None:
        if search is None:
            raise _BadField("query_id", "is missing in a line that has no action_name either")
        hits: object = next((record[name] for name in _HITS if record.get(name) is not None), [])
        if not isinstance(hits, list):
            raise _BadField(_HITS[0], "is no list")
        shown = [hit for hit in map(_id, hits) if hit is not None]
        if not text and not shown:
            raise _BadField("user_query", f"is missing in the query record {search!r}")
        join.add_query(search, text, shown)
        return True
    action = actions.get(str(action_name).strip().lower())
    if action is None or search is None:
        return False
    attributes = _object(record, "event_attributes")
    product = _id(_object(attributes, "object").get("object_id"))
    if product is None:
        raise _BadField("event_attributes.object.object_id", f"is missing in an event {str(action_name)[:40]!r}")
    join.add_event(search, text, action, product, _ordinal(_object(attributes, "position").get("ordinal")))
    return True


def _object(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _BadField(name, "is no object")
    return value


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise _BadField(name, f"is {str(value)[:40]!r}, not a text")
    return value or ""


def _id(value: object) -> str | None:
    """An id as text: exports write numbers as numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return " ".join(str(value).split()) or None


def _ordinal(value: object) -> int | None:
    if value is None:
        return None
    try:
        position = int(str(value))
    except ValueError:
        position = -1
    if not 0 <= position < 10**9:
        raise _BadField("event_attributes.position.ordinal", f"is {str(value)[:40]!r}, not a whole number from 0 or 1")
    return position
