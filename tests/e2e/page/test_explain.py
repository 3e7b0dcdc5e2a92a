"""Explanations: what a score is made of, and why one product stands before another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

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


def test_features_are_shown_by_their_weight_and_the_smallest_together(
    opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]
) -> None:
    amounts = [(-1) ** n * (20 - n) / 100 for n in range(16)]
    shares = [
        {"name": f"f{n}", "description": f"feature {n}", "value": None if n == 1 else n / 2, "contribution": amount}
        for n, amount in enumerate(amounts)
    ]
    explained = {"product_id": "x", "score": 0.5 + sum(amounts), "base": 0.5, "by": "features", "shares": shares}

    def by_features(route: Route) -> None:
        route.fulfill(json={"request_id": "r", "generation": "g", "took_ms": 3.0, "explanation": explained})

    page = opened(f"{icecat_url}/?q=black+toner")
    page.route("**/v1/explain", by_features)
    page.locator("[data-explain]").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("0.500 that every product starts from")
    rows = dialog.locator("tbody tr")
    expect(rows).to_have_count(13)
    expect(rows.nth(1)).to_contain_text("missing")
    expect(rows.last).to_contain_text("4 smaller ones together")
    adds = [number(text) for text in rows.locator("td:last-child").all_inner_texts()]
    assert adds == pytest.approx([*amounts[:12], sum(amounts[12:])], abs=0.0006)
    left = rows.locator("rect.against").evaluate_all("bars => bars.map(bar => +bar.getAttribute('x') < 50)")
    assert len(left) == sum(amount < 0 for amount in amounts[:12])
    assert all(left)
    shot(page, "features")
