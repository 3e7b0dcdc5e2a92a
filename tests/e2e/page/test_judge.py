"""Judging: by keys, blind, in an order that the seed fixes, kept, exported, and read by `multirecall evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from multirecall.evaluation.judgments import read_judgments
from tests.e2e.command import multirecall
from tests.e2e.page.conftest import Opened
from tests.support.data import IndexedCatalogue

pytestmark = [pytest.mark.data, pytest.mark.slow]

QUERY = 'monitor 24", "matte"'


def started(page: Page, query: str) -> None:
    page.get_by_role("combobox", name="Query to judge").fill(query)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".sheet")).to_be_visible()


def order(page: Page) -> list[str]:
    found = []
    while page.locator(".sheet").count():
        found.append(page.locator(".sheet").get_attribute("data-id") or "")
        page.keyboard.press("ArrowRight")
    return found


def test_judge_and_export(
    opened: Opened,
    icecat_url: str,
    icecat_index: IndexedCatalogue,
    tmp_path: Path,
    shot: Callable[[Page, str], None],
) -> None:
    page = opened(f"{icecat_url}/judge", accept_downloads=True)
    started(page, QUERY)
    pool = int(page.get_by_role("progressbar", name="Graded").get_attribute("aria-valuemax") or 0)
    assert pool > 10
    words = page.locator(".desk").inner_text().lower()
    assert not {"lexical", "dense", "rank", "score"} & set(words.split())  # blind
    given = {}
    for grade in (3, 0, 2):
        given[page.locator(".sheet").get_attribute("data-id") or ""] = float(grade)
        page.keyboard.press(str(grade))
    expect(page.get_by_role("progressbar", name="Graded")).to_have_attribute("aria-valuenow", "3")
    shot(page, "judge")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Substitute")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Backspace")
    expect(page.get_by_role("progressbar", name="Graded")).to_have_attribute("aria-valuenow", "2")
    page.get_by_role("button", name="Complement").click()
    given[list(given)[-1]] = 1.0
    page.reload()  # what was given is kept, and the next open one comes first
    expect(page.get_by_role("progressbar", name="Graded")).to_have_attribute("aria-valuenow", "3")
    assert page.locator(".sheet").get_attribute("data-id") not in given
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    file = tmp_path / "judged.csv"
    download.value.save_as(file)
    [(qid, grades)] = read_judgments(file).grades.items()
    assert (grades, qid[:5]) == (given, "page-")

    run = tmp_path / "run.trec"
    done = multirecall("run", "--queries", str(file), "--out", str(run), "--engine", icecat_index.engine, "--json")
    assert done.code == 0, done.err
    report = multirecall("evaluate", str(run), "--queries", str(file), "--judgments", str(file), "--json")
    assert report.code == 0, report.err
    assert (report.json["n_queries"], report.json["n_judgments"]) == (1, 3)

    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Forget all").click()
    expect(page.locator(".kept-count")).to_contain_text("No grade")
    expect(page.get_by_role("button", name="Export as CSV")).to_be_disabled()


def test_the_seed_fixes_the_order_and_says_nothing_of_the_ranking(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/judge")
    orders = []
    for seed in ("1", "2", "1"):
        page.get_by_label("Seed of the order").fill(seed)
        started(page, "ergonomic mouse for small hands")
        orders.append(order(page))
        page.get_by_role("button", name="Back to the last").click()
    assert orders[0] == orders[2] != orders[1]
    assert set(orders[0]) == set(orders[1])


def test_what_is_judged_already_is_left_out_unless_wanted(opened: Opened, icecat_url: str, icecat_dir: Path) -> None:
    page = opened(f"{icecat_url}/judge?q=hdmi+kvm+2+port+with+audio")
    known = read_judgments(icecat_dir / "judgments.tsv").of("q000")
    expect(page.locator(".desk-head")).to_contain_text("judged before")
    assert not set(order(page)) & set(known)
    page.get_by_label("Leave out what is judged already").uncheck()
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".desk-head")).not_to_contain_text("judged before")
    assert set(order(page)) & set(known)
