"""What the page is served as, and what it asks for: caching, headers, judgments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.service.keys import ApiKey, KeyRing, Role
from multirecall.service.page import JudgedQueries, PageParts, Reports
from multirecall.service.page.endpoints import VIEWS
from tests.unit.service.shop import filled_engine, make_app, opened_answers

JUDGED = JudgedQueries.of(
    Judgments(grades={"q1": {"p1": 3.0, "p2": 0.0}, "q3": {"p1": 1.0}}),
    [
        JudgedQuery(qid="q1", text="Black  Toner"),
        JudgedQuery(qid="q2", text="cyan toner"),
        JudgedQuery(qid="q3", text="black toner"),
    ],
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    (folder / "one.html").write_text("<title>One</title>")
    return folder


@pytest.fixture(scope="module")
def client(reports: Path) -> Iterator[TestClient]:
    with filled_engine() as engine, opened_answers(engine) as answers:
        page = PageParts(facets=("brand:5",), fusion="rrf", judged=JUDGED, reports=Reports(reports))
        with TestClient(make_app(engine, answers, page=page)) as client:
            yield client


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_the_document_and_is_asked_for_again_each_time(client: TestClient, view: str) -> None:
    answer = client.get(view)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    [policy] = answer.headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "{{" not in answer.text


def test_its_files_never_expire_under_the_name_of_their_version(client: TestClient) -> None:
    named = re.findall(r'(?:href|src)="(/assets/[^"]+)"', client.get("/").text)
    assert len(named) > 10
    for path in named:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get(named[-1]).headers["content-type"] == "text/javascript; charset=utf-8"
    older = re.sub(r"/assets/\w+/", "/assets/0123456789abcdef/", named[-1])
    assert client.get(older).headers["cache-control"] == "no-cache"
    assert client.head(named[-1]).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/assets/x/js/none.js", "/assets/x/../endpoints.py", "/assets/x/%2e%2e/endpoints.py", "/assets/x/", "/nothing"],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_what_the_page_must_know(client: TestClient) -> None:
    told = client.get("/v1/page").json()
    assert (told["facets"], told["routes"], told["fusion"]) == (["brand:5"], ["lexical", "dense"], "rrf")
    assert (told["judged_queries"], told["reports"], told["minor_units"]) == (2, True, 2)


def test_judgments_are_found_by_text(client: TestClient) -> None:
    found = client.get("/v1/judgments", params={"q": " black TONER "}).json()
    assert (found["qid"], found["grades"], found["top_grade"]) == ("q1", {"p1": 3.0, "p2": 0.0}, 3.0)
    unknown = client.get("/v1/judgments", params={"q": "cyan toner"}).json()
    assert (unknown["qid"], unknown["grades"]) == ("", {})
    assert client.get("/v1/judgments").json()["field"] == "q"
    listed = client.get("/v1/judgments/queries").json()["queries"]
    assert [(one["qid"], one["judged"]) for one in listed] == [("q1", 2), ("q3", 1)]


def test_reports_are_listed_by_links_that_open_them_without_power(client: TestClient) -> None:
    [one] = client.get("/v1/reports").json()["reports"]
    assert one["title"] == "One"
    report = client.get(one["href"])
    assert report.text == "<title>One</title>"
    assert report.headers["content-security-policy"].startswith("sandbox")
    assert "script-src" not in report.headers["content-security-policy"]
    assert client.get("/reports/one.html").status_code == 404


def test_with_keys_the_files_are_open_and_what_they_show_is_not(reports: Path) -> None:
    keys = KeyRing([ApiKey(name="shop", role=Role.SEARCH, digest=bytes(32))])
    with filled_engine() as engine, opened_answers(engine) as answers:
        client = TestClient(make_app(engine, answers, keys=keys, page=PageParts(reports=Reports(reports))))
        assert client.get("/").status_code == 200
        for path in ("/v1/page", "/v1/judgments?q=a", "/v1/judgments/queries", "/v1/reports"):
            assert client.get(path).status_code == 401


def test_without_a_page_there_is_none() -> None:
    with filled_engine() as engine, opened_answers(engine) as answers:
        client = TestClient(make_app(engine, answers))
        assert client.get("/").status_code == 404
        assert client.get("/v1/page").status_code == 404
