"""The column view: every route's list beside the fused one, with lines between equal products."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import Opened

pytestmark = [pytest.mark.data, pytest.mark.slow]


def lists(page: Page) -> list[list[str]]:
    found: list[list[str]] = page.locator(".column").evaluate_all(
        "columns => columns.map(one => [...one.querySelectorAll('.entry')].map(entry => entry.dataset.id))"
    )
    return found


def test_lines_connect_the_same_product(opened: Opened, icecat_url: str, shot: Callable[[Page, str], None]) -> None:
    page = opened(f"{icecat_url}/columns?q=wireless+keyboard")
    expect(page.locator(".column h2")).to_have_text(["lexical", "fused", "dense"])
    columns = lists(page)
    assert [len(column) for column in columns] == [10, 10, 10]
    pairs = [set(left) & set(right) for left, right in pairwise(columns)]
    expect(page.locator(".lines path")).to_have_count(sum(map(len, pairs)))
    everywhere = next(one for one in columns[1] if all(one in pair for pair in pairs))
    page.locator(f".fused .entry[data-id='{everywhere}']").hover()
    expect(page.locator(".entry.is-lit")).to_have_count(3)
    expect(page.locator(".lines path.is-lit")).to_have_count(2)
    ends = page.locator(".lines path.is-lit").first.evaluate(
        """path => {
          const board = document.querySelector('.board').getBoundingClientRect();
          const boxes = [...document.querySelectorAll('.column')].slice(0, 2)
            .map(column => column.querySelector(`[data-id="${path.dataset.id}"]`).getBoundingClientRect());
          const end = path.getPointAtLength(path.getTotalLength());
          const start = path.getPointAtLength(0);
          return [start.x - (boxes[0].right - board.left), end.x - (boxes[1].left - board.left),
                  end.y - (boxes[1].top + boxes[1].height / 2 - board.top)];
        }"""
    )
    assert ends == pytest.approx([0, 0, 0], abs=1.0)
    shot(page, "columns")


def test_focus_does_what_pointing_does_and_words_what_lines_do(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/columns?q=wireless+keyboard", dark=True)
    title = page.locator(".fused .entry-title").first
    title.focus()
    assert page.locator(".entry.is-lit").count() >= 2
    expect(page.locator(".fused .entry-facts").first).to_contain_text("rank")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Why is it here?")).to_be_visible()


def test_a_product_beyond_the_page_is_named_too_and_more_can_be_shown(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/columns?q=usb+c+cable")
    fused = set(lists(page)[1]) if page.locator(".column").first.is_visible() else set()
    expect(page.locator(".column h2")).to_have_count(3)
    columns = lists(page)
    only_lexical = [one for one in columns[0] if one not in set(columns[1])]
    assert only_lexical, fused
    title = page.locator(f".column .entry[data-id='{only_lexical[0]}'] .entry-title").first
    assert title.inner_text() != only_lexical[0]  # its title came along
    page.get_by_label("Show").select_option("20")
    expect(page.locator(".fused .entry")).to_have_count(20)
