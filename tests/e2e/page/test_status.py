"""The status page, and reports that can do nothing but be read."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from multirecall.indexer.items import DeleteItem
from multirecall.workers.store.dead_letters import DeadLetter
from multirecall.workers.store.job import Job, JobKind, JobState
from tests.e2e.page.conftest import Opened

pytestmark = [pytest.mark.data, pytest.mark.slow]


def test_the_state_of_everything(opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]) -> None:
    httpx.post(f"{icecat_url}/v1/search", json={"query": "toner"}, timeout=30)
    page = opened(f"{icecat_url}/status", height=1100)
    expect(page.locator(".ready-line")).to_contain_text("Ready")
    expect(page.get_by_role("region", name="Index generations", exact=True).first).to_contain_text("19,406")
    routes = page.get_by_role("region", name="Routes", exact=True)
    expect(routes.locator("tbody tr")).to_have_count(3)
    expect(routes).to_contain_text("lexical")
    searches = int(routes.locator("tbody tr").last.locator("td").nth(2).inner_text())
    assert searches >= 1
    httpx.post(f"{icecat_url}/v1/search", json={"query": "toner"}, timeout=30)
    page.get_by_role("button", name="Refresh").click()
    expect(routes.locator("tbody tr").last.locator("td").nth(2)).to_have_text(str(searches + 1))
    expect(page.get_by_role("region", name="Cache", exact=True)).to_contain_text("hit")
    shot(page, "status")


def test_a_route_whose_breaker_is_open_is_told(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/status")
    open_breakers = 'multirecall_breaker_open{part="dense"} 1.0\nmultirecall_breaker_open{part="engine"} 1.0\n'
    page.route("**/metrics", lambda route: route.fulfill(body=open_breakers, content_type="text/plain"))
    page.get_by_role("button", name="Refresh").click()
    routes = page.get_by_role("region", name="Routes", exact=True)
    expect(routes).to_contain_text("left out for now")
    expect(routes).to_contain_text("engine is not asked for now")


def test_a_report_is_listed_opened_and_harmless(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/status")
    link = page.get_by_role("link", name="Evaluation: lexical & dense")
    expect(link).to_be_visible()
    href = link.get_attribute("href") or ""
    with page.context.expect_page() as new:
        link.click()
    report = new.value
    expect(report.locator("p")).to_have_text("0.55")
    expect(report.locator("p")).to_have_css("color", "rgb(1, 2, 3)")  # its own style is allowed
    assert report.title() == "Evaluation: lexical & dense"  # its program is not
    assert httpx.get(f"{icecat_url}{href}").status_code == 200
    assert httpx.get(f"{icecat_url}{href[:-1]}{'0' if href[-1] != '0' else '1'}").status_code == 404


def test_jobs_and_dead_letters_are_read_as_the_workers_write_them(opened: Opened, icecat_url: str) -> None:
    counts = {"planned": 400, "done": 300, "stale": 0, "failed": 2, "bytes_total": 0}
    running = Job(id="rebuild-1", kind=JobKind.REBUILD, state=JobState.RUNNING, stage="encoding", counts=counts)
    failed = Job(
        id="train-2", kind=JobKind.TRAIN_BLENDER, state=JobState.FAILED, counts=counts, made_at=1.79e9,
        error={"message": "No <judged> query has hits."},
    )  # fmt: skip
    item = DeleteItem(id="p 1")
    letter = DeadLetter(id="0f", item=item, error="no title", tries=8, job="rebuild-1", index="i", died_at=1.79e9)
    page = opened(f"{icecat_url}/status")
    page.route("**/v1/jobs", lambda route: route.fulfill(json={"jobs": [running.to_dict(), failed.to_dict()]}))
    page.route("**/v1/deadletters", lambda route: route.fulfill(json={"total": 1, "dead_letters": [letter.to_dict()]}))
    page.reload()
    jobs = page.get_by_role("region", name="Jobs", exact=True).locator("tbody tr")
    expect(jobs).to_have_count(2)
    expect(jobs.nth(0)).to_contain_text("running: encoding")
    expect(jobs.nth(0)).to_contain_text(f"300 ({round(100 * 302 / 400)} %)")
    expect(jobs.nth(1)).to_contain_text("No <judged> query has hits.")
    letters = page.get_by_role("region", name="Dead letters", exact=True).first
    expect(letters).to_contain_text("no title")
    expect(letters).to_contain_text("p 1")
