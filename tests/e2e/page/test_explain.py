"""Explanations: what a score is made of, and why one product stands before another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import Opened

pytestmark = [pytest.mark.data, pytest.mark.slow]


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_the_contributions_add_up_to_the_score(
    opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]
) -> None:
    page = opened(f"{icecat_url}/?q=black+toner")
    why = page.locator("[data-explain]").nth(1)
    why.click()
    dialog = page.get_by_role("dialog", name="Why is it here?")
    expect(dialog.locator(".share-bar")).to_have_count(2)
    score = number(dialog.locator(".score").inner_text())
    adds = [number(text) for text in dialog.locator("tbody tr td:last-child").all_inner_texts()]
    assert sum(adds) == pytest.approx(score, abs=0.002)
    widths = dialog.locator(".share-bar rect").evaluate_all("bars => bars.map(bar => +bar.getAttribute('width'))")
    assert widths[0] / widths[1] == pytest.approx(adds[0] / adds[1], rel=0.01)
    shot(page, "explain")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(why).to_be_focused()


def test_why_a_before_b(opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]) -> None:
    page = opened(f"{icecat_url}/?q=black+toner")
    page.locator("[data-pick]").nth(3).click()  # the lower one first: the answer turns them round
    expect(page.get_by_role("button", name="Why this order?")).to_be_disabled()
    page.locator("[data-pick]").nth(0).click()
    page.get_by_role("button", name="Why this order?").click()
    dialog = page.get_by_role("dialog", name="Why this before that?")
    expect(dialog.locator(".share-bar")).to_have_count(2)
    expect(dialog.locator(".subject-title").first).to_have_text(page.locator(".card h2").nth(0).inner_text())
    difference = number(dialog.locator(".score").inner_text())
    rows = [number(text) for text in dialog.locator("tbody tr td:last-child").all_inner_texts()]
    assert difference > 0
    assert sum(rows) == pytest.approx(difference, abs=0.002)
    shot(page, "why")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("region", name="Picked products")).to_be_hidden()
