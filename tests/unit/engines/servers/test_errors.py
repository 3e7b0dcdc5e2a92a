from __future__ import annotations

import pickle
from typing import Any

import pytest

from multirecall.core.errors import (
    EngineAuthError,
    EngineBusy,
    EngineError,
    EngineUnavailable,
    InvalidInput,
    NotFound,
    StorageFull,
)
from multirecall.engines.servers.errors import failure, reason, retryable

URL = "elasticsearch+http://host:9200"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"type": "security_exception", "reason": "missing credentials"}, EngineAuthError),
        (403, {"type": "security_exception", "reason": "not allowed"}, EngineAuthError),
        (404, {"type": "index_not_found_exception", "reason": "no such index"}, NotFound),
        (429, {"type": "es_rejected_execution_exception", "reason": "queue full"}, EngineBusy),
        (429, {"type": "cluster_block_exception", "reason": "disk usage exceeded flood-stage watermark"}, StorageFull),
        (
            403,
            {"type": "cluster_block_exception", "reason": "[FORBIDDEN/12/index read-only-allow-delete]"},
            StorageFull,
        ),
        (500, {"type": "exception", "reason": "x", "caused_by": {"reason": "No space left on device"}}, StorageFull),
        (500, {"type": "exception", "reason": "x"}, EngineError),
        (502, "<html>bad gateway</html>", EngineUnavailable),
        (503, {}, EngineUnavailable),
        (400, {"type": "parsing_exception", "reason": "bad"}, InvalidInput),
        (404, "nothing here", NotFound),
    ],
)
def test_each_refusal_has_its_error(status: int, error: Any, kind: type[Exception]) -> None:
    raised = failure(status, error, url=URL, index="p-000001")
    assert type(raised) is kind
    assert URL in str(raised)
    assert raised.data["engine"] == URL
    assert str(pickle.loads(pickle.dumps(raised))) == str(raised)


def test_the_waiting_time_a_server_names_is_carried() -> None:
    assert failure(503, {}, url=URL, retry_after="7").data["retry_after_s"] == 7
    assert "retry_after_s" not in failure(503, {}, url=URL, retry_after="Wed, 21 Oct 2026 07:28:00 GMT").data


def test_the_reason_names_the_innermost_cause_and_stays_short() -> None:
    error = {"type": "a", "reason": "outer", "caused_by": {"reason": "middle", "caused_by": {"reason": "inner"}}}
    assert reason(error) == "outer: inner"
    assert (
        reason({"reason": "all shards failed", "root_cause": [{"reason": "bad query"}]})
        == "all shards failed: bad query"
    )
    assert len(reason({"reason": "x" * 10_000})) == 300
    assert reason({"type": "a_b"}) == "a_b"


@pytest.mark.parametrize(("status", "expected"), [(400, False), (409, False), (413, False), (429, True), (500, True)])
def test_what_may_succeed_later(status: int, expected: bool) -> None:
    assert retryable(status) is expected
