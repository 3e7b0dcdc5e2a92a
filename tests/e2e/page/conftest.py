"""The page in a headless Chromium, over the service on the real Icecat catalogue."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.support.data import IndexedCatalogue
from tests.support.http_service import running_service, service_settings

expect.set_options(timeout=20_000)  # machines of tests are busy

FACETS = "brand:10 category:10 price:25,50,100,250,500,1000 in_stock attributes.product_colour:8"

REPORT = """<!doctype html><title>Evaluation: lexical &amp; dense</title><style>p { color: rgb(1, 2, 3) }</style>
<p>0.55</p><script>document.title = "it ran"</script>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of the system; without one the tests are skipped at home and fail in CI.

    It ends with each module: its driver keeps an event loop running in this thread, and other tests of this
    process start loops of their own.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium on the PATH: install Debian's package chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def icecat_url(
    icecat_index: IndexedCatalogue, icecat_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a service with the whole catalogue, its judgments, and a folder with a report."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "reports").mkdir()
    (folder / "reports" / "week-12.html").write_text(REPORT)
    settings = service_settings(
        icecat_index.engine,
        folder,
        timeout_s=20.0,
        judgments=icecat_dir / "judgments.tsv",
        judged_queries=icecat_dir / "queries.tsv",
        page_facets=FACETS,
        reports=folder / "reports",
    )
    with running_service(settings) as url:
        yield url


@pytest.fixture(scope="session")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], None]:
    """Takes a screenshot into MULTIRECALL_SCREENSHOTS, or a folder that pytest keeps for some runs."""
    folder = Path(os.environ.get("MULTIRECALL_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.evaluate("document.fonts.ready.then(() => true)")
        page.screenshot(path=folder / f"{name}.png")

    return take


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens an address in a context of its own: `opened(url, width=360, dark=True)`.

    No request leaves this machine: images elsewhere cannot be reached. At the end no page may have had an error of its
    program, or tried what its content security policy forbids.
    """
    troubles: list[str] = []
    with ExitStack() as stack:

        def open_page(url: str, *, width: int = 1280, height: int = 900, dark: bool = False, **more: Any) -> Page:
            context: BrowserContext = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
                has_touch=width < 500,
                **more,
            )
            stack.callback(context.close)
            context.route(lambda address: not address.startswith(_origin(url)), _elsewhere)
            page = context.new_page()
            page.on("pageerror", lambda error: troubles.append(f"{error}"))
            page.on(
                "console",
                lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None,
            )
            page.goto(url)
            return page

        yield open_page
    assert troubles == []


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _elsewhere(route: Route) -> None:
    route.abort("addressunreachable")
