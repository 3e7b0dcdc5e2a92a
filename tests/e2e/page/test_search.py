"""Search, suggestions, facets, pages and the way back, on the real catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.conftest import Opened

pytestmark = [pytest.mark.data, pytest.mark.slow]

PAGE_SIZE = 24
PIXEL = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40" fill="#345"/></svg>'
)


def ids(page: Page) -> list[str]:
    found: list[str] = page.locator(".card").evaluate_all("cards => cards.map(card => card.dataset.id)")
    return found


def test_typing_searches_and_completes(opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]) -> None:
    page = opened(icecat_url)
    expect(page.locator(".card")).to_have_count(PAGE_SIZE)  # the most popular, before anything is typed
    field = page.get_by_role("combobox", name="Search products")
    expect(field).to_be_focused()
    field.press_sequentially("brother ton", delay=20)
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page).to_have_url(f"{icecat_url}/?q=brother+ton")
    expect(page.locator(".card .brand").first).to_have_text("Brother")
    shot(page, "suggest")
    field.press("ArrowDown")
    first = page.get_by_role("option").first
    expect(first).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == first.get_attribute("id")
    wanted = first.locator("span").first.inner_text()
    field.press("Enter")
    expect(field).to_have_value(wanted)
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page.locator(".card h2").first).to_contain_text(wanted.split()[0])


def test_a_facet_gives_as_many_as_it_promised_and_keeps_its_other_values(
    opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]
) -> None:
    page = opened(f"{icecat_url}/?q=black+toner")
    xerox = page.get_by_role("checkbox", name=re.compile("^Xerox"))
    promised = int(page.locator(".facet-value", has=xerox).locator(".facet-count").inner_text())
    xerox.check()
    expect(page).to_have_url(re.compile(r"f\.brand=Xerox"))
    expect(page.locator(".card .brand").first).to_have_text("Xerox")
    assert set(page.locator(".card .brand").all_inner_texts()) == {"Xerox"}
    page.locator(".trace summary").click()
    expect(page.locator(".facts")).to_contain_text(f"the {promised} products that lexical matches")
    canon = page.get_by_role("checkbox", name=re.compile("^Canon"))  # still offered, with a count of its own
    canon.check()
    expect(page.locator(".facts")).not_to_contain_text(f"the {promised} products")
    assert set(page.locator(".card .brand").all_inner_texts()) == {"Xerox", "Canon"}
    page.get_by_role("radio", name=re.compile("^50 to 100")).check()
    expect(page.get_by_role("button", name="Remove filter Price: 50 to 100")).to_be_visible()
    prices = [float(text.replace(",", "")) for text in page.locator(".card .price").all_inner_texts()]
    assert prices
    assert all(50 <= price < 100 for price in prices)
    shot(page, "facets")
    page.get_by_label("Sort by").select_option("price:asc")
    expect(page).to_have_url(re.compile("sort=price"))
    expect(page.locator(".results")).not_to_have_attribute("aria-busy", "true")
    sorted_prices = [float(text.replace(",", "")) for text in page.locator(".card .price").all_inner_texts()]
    assert sorted_prices == sorted(sorted_prices)
    page.get_by_role("button", name="Remove filter Brand: Xerox").click()
    expect(page).not_to_have_url(re.compile("Xerox"))
    page.go_back()
    expect(page.get_by_role("checkbox", name=re.compile("^Xerox"))).to_be_checked()


def test_page_three_of_a_frozen_list_and_back(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/?q=usb+cable")
    asked: list[dict[str, Any]] = []
    page.on("request", lambda sent: asked.append(sent.post_data_json) if sent.url.endswith("/v1/search") else None)
    expect(page.locator(".card")).to_have_count(PAGE_SIZE)
    seen = [ids(page)]
    asked.clear()
    for number in (2, 3):
        page.get_by_role("link", name="Next").click()
        expect(page.locator(".page-here")).to_have_text(f"Page {number}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{(number - 1) * PAGE_SIZE + 1}–")
        seen.append(ids(page))
    assert len({one for on_page in seen for one in on_page}) == 3 * PAGE_SIZE
    assert [set(body) for body in asked] == [{"page_token", "from", "size"}] * 2
    expect(page).to_have_url(f"{icecat_url}/?q=usb+cable&page=3")
    expect(page.get_by_role("button", name=re.compile("Why number 49"))).to_be_visible()
    page.reload()
    expect(page.locator(".card").first).to_have_attribute("data-id", seen[2][0])
    assert [set(body) for body in asked[2:]] == [{"page_token", "from", "size"}]  # the token outlives the reload
    for number in (2, 1):
        page.go_back()
        expect(page.locator(".card").first).to_have_attribute("data-id", seen[number - 1][0])
        assert ids(page) == seen[number - 1]


def test_a_list_that_expired_is_made_anew_and_says_so(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/?q=usb+cable")
    expect(page.locator(".card")).to_have_count(PAGE_SIZE)

    def expired(route: Route) -> None:
        if "page_token" in (route.request.post_data or ""):
            body = {"type": "urn:multirecall:page_expired", "title": "Too old.", "status": 410, "detail": ""}
            route.fulfill(status=410, json=body, content_type="application/problem+json")
        else:
            route.continue_()

    page.route("**/v1/search", expired)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".notice")).to_contain_text("made anew")
    expect(page.locator(".card")).to_have_count(PAGE_SIZE)


def test_images_that_can_be_reached_are_shown_and_others_drawn(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/?q=wireless+keyboard")
    expect(page.locator(".card .drawing")).to_have_count(PAGE_SIZE)
    expect(page.locator(".has-image")).to_have_count(0)
    page.route("**/images.icecat.biz/**", lambda route: route.fulfill(body=PIXEL, content_type="image/svg+xml"))
    page.reload()
    expect(page.locator(".card .has-image").first).to_be_visible()


def test_what_went_wrong_is_said_in_words(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/?q=toner&f.nosuchfield=1")
    expect(page.get_by_role("alert")).to_contain_text("nosuchfield")
    page.get_by_role("button", name="Search", exact=True).focus()
    page.route("**/v1/search", lambda route: route.abort())
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")


def test_a_degraded_answer_says_what_is_missing(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/?q=toner")

    def without_dense(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["degraded"] = {"dense": "timed_out"}
        body["routes"]["dense"] |= {"status": "timed_out", "error": "late by 3 ms"}
        route.fulfill(response=answer, json=body)

    page.route("**/v1/search", without_dense)
    page.reload()
    expect(page.locator(".degraded")).to_contain_text("dense was too late")
    expect(page.locator(".degraded")).to_contain_text("late by 3 ms")
