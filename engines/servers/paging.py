"""All hits of a search, page by page, holding nothing open on the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multirecall.engines.servers.transport import Transport

__all__ = ["pages"]


def pages(
    transport: Transport, index: str, body: Mapping[str, Any], params: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Every hit of `body`, whose `sort` must tell documents apart; `size` is that of a page.

    A document written meanwhile may or may not be among them. Raises what `Transport.send` raises.
    """
    asked = {**body, "track_total_hits": False}
    while True:
        page = transport.send(
            "POST", f"/{index}/_search", body=asked, params={"filter_path": _ANSWER, **(params or {})}, index=index
        )
        hits = page.get("hits", {}).get("hits", [])
        yield from hits
        if len(hits) < body["size"]:
            return
        asked["search_after"] = hits[-1]["sort"]


_ANSWER = ",".join(f"hits.hits.{part}" for part in ("_id", "_seq_no", "_primary_term", "_source", "sort"))
