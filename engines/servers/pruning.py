"""Listing tombstones and forgetting old ones: by search and bulk, since not every server has `_delete_by_query`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from multirecall.engines.servers.errors import failure
from multirecall.engines.servers.paging import pages
from multirecall.engines.servers.transport import Transport, json_lines

__all__ = ["prune", "tombstones"]

_AT_ONCE = 1_000
_DELETED, _GONE, _WRITTEN_ANEW = 200, 404, 409


def tombstones(transport: Transport, index: str, made_by: float | None = None) -> Iterator[dict[str, Any]]:
    """The hits that are tombstones, made by then (seconds since 1970) if that is given, with their guards."""
    made = {"exists": {"field": "deleted_at"}} if made_by is None else {"range": {"deleted_at": {"lte": made_by}}}
    body = {
        "size": _AT_ONCE,
        "query": {"constant_score": {"filter": made}},
        # an index that was made before there were tombstones has no such field
        "sort": [{"deleted_id": {"order": "asc", "unmapped_type": "keyword"}}],
        "seq_no_primary_term": True,
    }
    return pages(transport, index, body)


def prune(transport: Transport, index: str, alias: str, made_by: float) -> int:
    """Deletes the tombstones made by then, if nothing was written under their ids since; returns how many.

    Raises what the server's refusal means; those deleted by then stay deleted.
    """
    n_deleted = 0
    hits = tombstones(transport, index, made_by)
    while part := list(itertools.islice(hits, _AT_ONCE)):
        lines = [
            {"delete": {"_id": h["_id"], "if_seq_no": h["_seq_no"], "if_primary_term": h["_primary_term"]}}
            for h in part
        ]
        answer = transport.send(
            "POST",
            f"/{alias}/_bulk",
            body=json_lines(lines),
            params={"require_alias": "true", "filter_path": "items.*.status,items.*.error"},
            index=index,
        )
        for item in answer["items"]:
            done = item["delete"]
            if done["status"] not in (_DELETED, _GONE, _WRITTEN_ANEW):
                raise failure(done["status"], done.get("error"), url=transport.url, index=index)
            n_deleted += done["status"] == _DELETED
    return n_deleted
