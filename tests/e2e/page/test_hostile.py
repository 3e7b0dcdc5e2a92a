"""A catalogue that holds markup, and a service that wants a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from multirecall.service.keys import Role
from tests.e2e.page.conftest import Opened
from tests.support.http_service import index_products, make_keys, running_service, service_settings

pytestmark = pytest.mark.slow

ATTACK = "<img src=x onerror=\"window.ran='title'\"> kettle"


def smuggled(markup: str) -> str:
    """Markup that gets past the indexer, which takes tags out of texts: without `<b>` it is what it seems not to be."""
    return re.sub(r"<(\w)", r"<\1<b>", markup)


PRODUCTS = [
    {
        "id": "<script>window.ran='id'</script>",
        "title": smuggled(ATTACK),
        "description": smuggled("<svg onload=\"window.ran='text'\">steel kettle"),
        "brand": "<audio>Bold</audio>",
        "price": "19.95",
        "image_url": "javascript:window.ran='image'",
        "url": "javascript:window.ran='link'",
        "colour": smuggled("\"><img src=x onerror=window.ran='attribute'>"),
    },
    {"id": "k2", "title": "Glass kettle", "brand": "Plain", "price": "29.95", "colour": "clear",
     "image_url": "https://images.example/a.png", "url": "https://shop.example/k2"},
    {"id": "k3", "title": "Kettle set", "brand": "10-20", "price": "15.00"},
]  # fmt: skip


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[Role, str]]]:
    folder = tmp_path_factory.mktemp("hostile")
    engine = index_products(PRODUCTS, folder)
    keys, setting = make_keys()
    facets = "brand:5 attributes.colour:5"
    settings = service_settings(
        engine, folder, api_keys=setting, page_facets=facets, timeout_s=20.0,
        judgments=folder / "none.tsv", judged_queries=folder / "none.tsv",
    )  # fmt: skip
    with running_service(settings) as url:
        yield url, keys


def with_key(page: Page, key: str) -> Page:
    dialog = page.get_by_role("dialog", name="API key")
    expect(dialog).to_contain_text("A key is needed")
    dialog.get_by_label("Key", exact=True).fill(key)
    dialog.get_by_role("button", name="Use this key").click()
    expect(dialog).to_be_hidden()
    return page


def test_no_text_of_the_catalogue_runs(opened: Opened, keyed: tuple[str, dict[Role, str]]) -> None:
    url, keys = keyed
    page = with_key(opened(f"{url}/?q=kettle"), keys[Role.SEARCH])
    card = page.locator(".card", has_text="onerror")
    expect(card.locator("h2")).to_have_text(ATTACK)
    expect(card.locator("h2 a")).to_have_count(0)  # javascript: is no address
    expect(card.locator("img")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="<audio>Bold</audio>")).to_be_visible()
    page.get_by_role("checkbox", name="10-20").check()  # a brand that looks like a range of prices
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card h2")).to_have_text("Kettle set")
    page.get_by_role("button", name="Remove filter Brand: 10-20").click()
    card.locator("[data-explain]").click()
    expect(page.get_by_role("dialog").locator(".subject-title")).to_have_text(ATTACK)
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Search products").fill("<img src=x onerror=\"window.ran='query'\"> kettle")
    page.wait_for_url("**onerror**")
    for view in ("columns", "compare"):
        page.goto(f"{url}/{view}?q=kettle")
        expect(page.get_by_text("onerror").first).to_be_attached()
    page.goto(f"{url}/judge?q=kettle")
    judged = []
    for n in range(len(PRODUCTS)):
        expect(page.locator(".desk-foot")).to_contain_text(f"{n + 1} / {len(PRODUCTS)}")
        judged.append(page.locator(".sheet h2").inner_text())
        page.keyboard.press("3")
    assert ATTACK in judged
    assert page.evaluate("window.ran") is None
    assert page.locator("main img[src='x']").count() == 0


def test_a_key_is_kept_for_the_tab_and_its_role_is_told(opened: Opened, keyed: tuple[str, dict[Role, str]]) -> None:
    url, keys = keyed
    page = with_key(opened(f"{url}/status"), keys[Role.SEARCH])
    expect(page.get_by_role("region", name="Jobs", exact=True)).to_contain_text("role admin")
    expect(page.get_by_role("region", name="Index generations", exact=True).first).to_contain_text("live")
    assert page.evaluate("JSON.stringify(localStorage)").find(keys[Role.SEARCH]) < 0
    page.get_by_role("link", name="Search", exact=True).click()
    expect(page.locator(".card").first).to_be_visible()
    page.get_by_role("button", name="Key set").click()
    page.get_by_role("dialog").get_by_label("Key", exact=True).fill("mr_wrong")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("dialog")).to_contain_text("not known")


def test_judgments_that_cannot_be_read_stop_no_search(keyed: tuple[str, dict[Role, str]]) -> None:
    url, keys = keyed
    told = httpx.get(f"{url}/v1/page", headers={"x-api-key": keys[Role.SEARCH]}, timeout=20)
    assert told.json()["judged_queries"] == 0
