"""Who comes in: keys, roles, hosts, rates; what every answer carries; what is refused before it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from multirecall.engines.exact import ExactEngine
from multirecall.service import gate, rates
from multirecall.service.access import allowed_hosts
from multirecall.service.access_log import AccessLog
from multirecall.service.answering import FrontendAnswers
from multirecall.service.event_store import EventStore
from multirecall.service.keys import KeyRing, Role, read_keys
from multirecall.service.parts import ServiceOptions
from multirecall.service.rates import RateLimits
from multirecall.service.writing import Change, ItemResult, Written
from multirecall.wiring.settings import load_settings
from tests.support.http_service import make_keys
from tests.unit.service.shop import filled_engine, make_app, opened_answers

KEYS, LINES = make_keys()
RING = KeyRing(read_keys(LINES, source="test"))


class Noting:
    """A writer that notes whether it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def write(self, changes: Any, *, wait_s: float) -> Written:
        self.asked += 1
        items: list[Change] = list(changes)
        return Written(by="straight", items=tuple(ItemResult(id="", status="applied") for _ in items), applied=True)


class Seen:
    def jobs(self, size: int) -> list[dict[str, Any]]:
        return [{"id": "j"}][:size]

    def dead_letters(self, offset: int, size: int) -> tuple[int, list[dict[str, Any]]]:
        return 1, [{"id": "d"}][offset : offset + size]


@pytest.fixture(scope="module")
def engine() -> Iterator[ExactEngine]:
    with filled_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def answers(engine: ExactEngine) -> Iterator[FrontendAnswers]:
    with opened_answers(engine) as answers:
        yield answers


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals are not held back here."""
    monkeypatch.setattr(gate, "_WRONG_KEY_HELD_S", 0.0)
    monkeypatch.setattr(rates, "_LONGEST_HOLD_S", 0.0)


def headers(role: Role | None) -> dict[str, str]:
    return {} if role is None else {"authorization": f"Bearer {KEYS[role]}"}


WRITES = [
    ("POST", "/v1/products", {"products": [{"id": "1"}]}),
    ("PATCH", "/v1/products", {"updates": [{"id": "1", "set": {"price": 1}}]}),
    ("DELETE", "/v1/products", {"ids": ["1"]}),
]
NEEDED: list[tuple[str, str, Any, Role]] = [
    *((method, path, body, Role.WRITE) for method, path, body in WRITES),
    ("POST", "/v1/search", {"query": "toner"}, Role.SEARCH),
    ("GET", "/v1/search?q=toner", None, Role.SEARCH),
    ("POST", "/v1/search/batch", {"searches": [{}]}, Role.SEARCH),
    ("GET", "/v1/suggest?q=t", None, Role.SEARCH),
    ("POST", "/v1/explain", {"search": {"query": "toner"}, "id": "p1"}, Role.SEARCH),
    ("GET", "/v1/products/p1", None, Role.SEARCH),
    ("POST", "/v1/events", {"queries": [{"query_id": "q", "user_query": "x"}]}, Role.SEARCH),
    ("GET", "/v1/generations", None, Role.SEARCH),
    ("GET", "/v1/jobs", None, Role.ADMIN),
    ("GET", "/v1/deadletters", None, Role.ADMIN),
    ("GET", "/metrics", None, Role.ADMIN),
]


@pytest.fixture(scope="module")
def writer() -> Noting:
    return Noting()


@pytest.fixture(scope="module")
def client(
    engine: ExactEngine, answers: FrontendAnswers, writer: Noting, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    events = EventStore(tmp_path_factory.mktemp("events"), day_bytes=1 << 20, keep_days=1)
    app = make_app(engine, answers, keys=RING, writer=writer, events=events, workers=Seen())
    with TestClient(app) as client:
        yield client


def test_every_endpoint_is_tried_here(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    open_to_all = {("GET", "/healthz"), ("GET", "/readyz")}
    tried = {(method, re.sub(r"/p1$", "/{id}", path.partition("?")[0])) for method, path, _, _ in NEEDED}
    assert {(m.upper(), path) for path, methods in described.items() for m in methods} == tried | open_to_all


@pytest.mark.parametrize(("method", "path", "body", "needed"), NEEDED)
def test_a_role_may_what_it_may_and_no_more(
    client: TestClient, method: str, path: str, body: Any, needed: Role
) -> None:
    for role in (None, *Role):
        answer = client.request(method, path, json=body, headers=headers(role))
        expected = 401 if role is None else 200 if role >= needed else 403
        assert answer.status_code == expected, (role, answer.text)
        if expected != 200:
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_search_key_never_reaches_the_writer(
    client: TestClient, writer: Noting, method: str, path: str, body: Any
) -> None:
    before = writer.asked
    assert client.request(method, path, json=body, headers=headers(Role.SEARCH)).status_code == 403
    huge = client.request(method, path, content=b"x" * 100_000, headers=headers(Role.SEARCH))
    assert huge.status_code == 403, "known before the body is read"
    assert writer.asked == before


def test_both_ways_to_send_a_key_work_and_a_wrong_one_is_401(client: TestClient) -> None:
    assert client.get("/v1/generations", headers={"x-api-key": KEYS[Role.SEARCH]}).status_code == 200
    assert client.get("/v1/generations", headers={"Authorization": f"bearer {KEYS[Role.SEARCH]}"}).status_code == 200
    for wrong in ({"x-api-key": "mr_wrong"}, {"authorization": "Bearer "}, {"authorization": KEYS[Role.ADMIN]}):
        answer = client.get("/v1/generations", headers=wrong)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "mr_" not in answer.text
    assert client.get("/v1/search", params={"q": "x", "api_key": KEYS[Role.ADMIN]}).status_code == 401


def test_health_needs_no_key_and_metrics_may_be_opened(engine: ExactEngine, answers: FrontendAnswers) -> None:
    app = make_app(engine, answers, keys=RING, options=ServiceOptions(metrics_open=True))
    with TestClient(app) as client:
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        assert "multirecall_requests_total" in client.get("/metrics").text


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not(
    engine: ExactEngine, answers: FrontendAnswers
) -> None:
    rates = RateLimits(rate_per_s=0.01, burst=3, clock=lambda: 1.0)
    with TestClient(make_app(engine, answers, keys=RING, rates=rates)) as client:
        asked = [client.get("/v1/suggest", headers=headers(Role.SEARCH)) for _ in range(5)]
        assert [answer.status_code for answer in asked] == [200, 200, 200, 429, 429]
        assert int(asked[-1].headers["retry-after"]) == pytest.approx(1 / 0.01, abs=1)
        assert asked[-1].json()["type"] == "urn:multirecall:too_many_requests"
        assert client.get("/v1/suggest", headers=headers(Role.WRITE)).status_code == 200
        assert (
            'multirecall_refused_total{reason="rate"} 2.0' in client.get("/metrics", headers=headers(Role.ADMIN)).text
        )
        batch = client.post("/v1/search/batch", json={"searches": [{}] * 5}, headers=headers(Role.WRITE))
        assert batch.status_code == 200
        assert client.get("/v1/suggest", headers=headers(Role.WRITE)).status_code == 429, "a batch of five is five"


def test_only_names_that_are_allowed_are_served(engine: ExactEngine, answers: FrontendAnswers) -> None:
    options = ServiceOptions(hosts=("localhost", "[::1]"))
    with TestClient(make_app(engine, answers, options=options)) as client:
        for host, status in (
            ("localhost", 200),
            ("LOCALHOST:8080", 200),
            ("[::1]:80", 200),
            ("evil.example", 421),
            ("", 421),
        ):
            assert client.get("/healthz", headers={"host": host}).status_code == status, host


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::"])
def test_without_keys_it_does_not_listen_beyond_this_machine(host: str) -> None:
    settings = load_settings()
    with pytest.raises(Exception, match="Without API keys"):
        allowed_hosts(settings, KeyRing(), host)
    assert allowed_hosts(load_settings(api_open=True), KeyRing(), host) == ()
    assert allowed_hosts(settings, RING, host) == ()
    assert "localhost" in allowed_hosts(settings, KeyRing(), "127.0.0.1")


def test_every_answer_carries_an_id_and_headers_that_keep_browsers_careful(client: TestClient) -> None:
    for path in ("/healthz", "/v1/suggest", "/nothing", "/v1/nothing", "/docs", "/metrics"):
        answer = client.get(path)
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"]), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"shop-42", True),
        (b"a" * 128, True),
        (b"a" * 129, False),
        (b"", False),
        (b"a b", False),
        (b"a\r\nset-cookie: x=1", False),
        (b"\xff\xfe", False),
        (b"<script>", False),
    ],
)
def test_a_request_id_is_taken_if_it_is_a_plain_word_and_never_reflected_otherwise(
    client: TestClient, sent: bytes, kept: bool
) -> None:
    answer = client.get("/healthz", headers={b"x-request-id": sent})  # type: ignore[dict-item]
    assert (answer.headers["x-request-id"].encode() == sent) is kept
    assert "set-cookie" not in answer.headers


def test_pages_of_other_origins_may_ask_only_if_they_are_named(engine: ExactEngine, answers: FrontendAnswers) -> None:
    options = ServiceOptions(origins=("https://shop.example",))
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    with TestClient(make_app(engine, answers, keys=RING, options=options)) as client:
        good = client.options("/v1/search", headers={"origin": "https://shop.example", **asks})
        assert good.headers["access-control-allow-origin"] == "https://shop.example"
        assert "access-control-allow-credentials" not in good.headers
        evil = client.options("/v1/search", headers={"origin": "https://evil.example", **asks})
        assert evil.status_code == 400
        assert "access-control-allow-origin" not in evil.headers


def test_a_form_of_another_page_cannot_ask(client: TestClient) -> None:
    """A browser sends text/plain across origins without asking first."""
    sent = client.post(
        "/v1/search", content=b'{"query": "x"}', headers={"content-type": "text/plain", **headers(Role.SEARCH)}
    )
    assert sent.status_code == 422


def test_bodies_that_are_too_long_are_refused_announced_or_not(client: TestClient) -> None:
    long = b'{"query": "' + b"x" * 70_000 + b'"}'

    def parts() -> Iterator[bytes]:
        for start in range(0, len(long), 7_000):
            yield long[start : start + 7_000]

    for content in (long, parts()):
        answer = client.post("/v1/search", content=content, headers=headers(Role.SEARCH))
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:multirecall:too_large")
    events = {"events": [], "queries": [{"query_id": "q", "user_query": "x" * 1000}] * 100}
    assert client.post("/v1/events", json=events, headers=headers(Role.SEARCH)).status_code == 200


def test_the_access_log_names_caller_endpoint_and_outcome_and_no_key(
    engine: ExactEngine, answers: FrontendAnswers
) -> None:
    written: list[str] = []
    log = AccessLog(written.append)
    with TestClient(make_app(engine, answers, keys=RING, access_log=log)) as client:
        client.get("/v1/products/p1", headers={"x-request-id": "r-1", **headers(Role.SEARCH)})
        client.post("/v1/search", json={"query": "a private question"}, headers=headers(Role.SEARCH))
        client.get("/v1/products/p1", headers={"x-api-key": "mr_not_a_key_of_anybody"})
    text = "".join(written)
    assert '"request":"r-1"' in text
    assert '"endpoint":"/v1/products/{id:path}"' in text or '"endpoint":"/v1/products/{id}"' in text
    assert '"caller":"search"' in text
    assert '"cache":' in text
    assert '"status":401' in text
    for hidden in (*KEYS.values(), "not_a_key", "private"):
        assert hidden not in text
