"""Every view in light and dark and on a phone: contrast, names, headings, width; and all of it by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import Opened

pytestmark = [pytest.mark.data, pytest.mark.slow]

AUDIT = (Path(__file__).parent / "audit.js").read_text()
VIEWS = {
    "search": ("/?q=black+toner&f.brand=Xerox", ".card"),
    "columns": ("/columns?q=wireless+keyboard", ".lines path"),
    "compare": ("/compare?q=sata+power+y+splitter", ".ndcg"),
    "judge": ("/judge?q=ergonomic+mouse", ".sheet"),
    "status": ("/status", ".ready-line"),
}


def findings(page: Page) -> list[str]:
    found: list[str] = page.evaluate(AUDIT)
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_lacking_on_a_phone_in_light_and_dark_and_wide(
    view: str, opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]
) -> None:
    path, ready = VIEWS[view]
    page = opened(f"{icecat_url}{path}", width=360, height=780)
    expect(page.locator(ready).first).to_be_visible()
    if view == "search":
        page.locator(".facet-fold summary").click()
        page.locator(".trace summary").click()
    assert findings(page) == []
    shot(page, f"{view}-phone")
    page.get_by_role("button", name="Dark theme").click()
    assert findings(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    assert findings(page) == []
    shot(page, f"{view}-dark")


def test_the_pop_up_is_accessible_too(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/?q=black+toner", width=360, height=780, dark=True)
    page.locator("[data-explain]").first.click()
    expect(page.locator(".share-bar").first).to_be_visible()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["width"] <= 360
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")


def test_the_theme_is_the_systems_until_one_is_chosen(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/status", dark=True)
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Dark theme").click()
    expect(root).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.querySelector('a')).transitionDuration") == "0s"


def test_all_of_a_search_by_keyboard(opened: Opened, icecat_url: str) -> None:
    page = opened(icecat_url)
    keys = page.keyboard
    field = page.get_by_role("combobox", name="Search products")
    expect(field).to_be_focused()
    field.press_sequentially("black toner", delay=10)
    expect(page.get_by_role("option").first).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    keys.press("Enter")
    expect(page).to_have_url(re.compile("q=black"))
    expect(page.get_by_role("checkbox", name=re.compile("^Xerox"))).to_be_visible()

    def tab_to(selector: str, most: int = 60) -> None:
        for _ in range(most):
            keys.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", "the focus cannot be seen"
                return
        pytest.fail(f"Tab does not lead to {selector}")

    tab_to("input[value='Xerox']")
    keys.press("Space")
    expect(page).to_have_url(re.compile("Xerox"))
    expect(page.locator("input[value='Xerox']")).to_be_focused()  # in the panel that was drawn anew
    tab_to("#sort")
    tab_to("[data-explain]")
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    keys.press("Escape")
    tab_to("[data-pick]")
    keys.press("Space")
    tab_to("[data-pick]")
    keys.press("Space")
    expect(page.get_by_role("button", name="Why this order?")).to_be_enabled()
    tab_to(".page-link", most=120)
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_the_first_tab_skips_to_the_content(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/status")
    expect(page.locator(".ready-line")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
