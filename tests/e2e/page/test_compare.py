"""Two settings side by side; nDCG as the evaluation computes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.measures import NDCG
from tests.e2e.page.conftest import Opened

pytestmark = [pytest.mark.data, pytest.mark.slow]

QUERY = "sata power y splitter"
QID = "q007"


def test_two_settings_and_their_ndcg(
    opened: Opened, icecat_url: str, icecat_dir: Path, shot: Callable[[Page, str], None]
) -> None:
    page = opened(f"{icecat_url}/compare?q={QUERY.replace(' ', '+')}&b.routes=lexical&b.fusion=weighted_sum")
    expect(page.locator(".ndcg")).to_have_count(2)
    grades = read_judgments(icecat_dir / "judgments.tsv").of(QID)
    for name, body in (("A", {"fusion": "default"}), ("B", {"routes": ["lexical"], "fusion": "weighted_sum"})):
        answer = httpx.post(f"{icecat_url}/v1/search", json={"query": QUERY, "size": 20, **body}, timeout=30).json()
        ranked = [hit["id"] for hit in answer["hits"]["hits"]]
        shown = page.locator(f".figure[data-side={name}]")
        expect(shown.locator(".ndcg")).to_have_text(f"{NDCG(10)(ranked, grades):.3f}")
        judged = sum(one in grades for one in ranked[:10])
        expect(shown).to_contain_text(f"{judged} of 10 judged")
    first = page.locator(".column").first.locator(".entry").first
    assert first.locator(".grade").inner_text().split()[-1] == f"{grades[first.get_attribute('data-id') or '']:g}"
    shot(page, "compare")


def test_a_setting_is_changed_and_goes_into_the_address(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/compare?q=wireless+keyboard")
    expect(page.locator(".figure code")).to_have_text(["WeightedSum()", "RRF(k=60)"])
    side = page.get_by_role("group", name="Setting B")
    side.get_by_label("Merged by").select_option("weighted_sum")
    side.get_by_label(re.compile("Weight of dense")).fill("0.8")
    expect(page).to_have_url(re.compile(r"b\.fusion=weighted_sum%3Flexical%3D0\.20%26dense%3D0\.80"))
    expect(page.locator(".figure code").last).to_contain_text("0.8")
    side.get_by_role("checkbox", name="lexical").uncheck()
    expect(page.locator(".figure[data-side=B]")).to_be_visible()
    expect(side.get_by_role("checkbox", name="dense")).to_be_disabled()  # one route must be left
    page.go_back()
    expect(side.get_by_role("checkbox", name="lexical")).to_be_checked()


def test_a_judged_query_can_be_chosen(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/compare")
    field = page.get_by_label("Or a judged query")
    field.focus()
    expect(field.locator("option")).to_have_count(348)
    field.select_option("hdmi kvm 2 port with audio")
    expect(page.locator(".ndcg")).to_have_count(2)


def test_ndcg_is_that_of_the_evaluation(opened: Opened, icecat_url: str) -> None:
    page = opened(f"{icecat_url}/status")
    source = page.locator("link[href*='/css/tokens.css']").get_attribute("href") or ""
    module = source.replace("/css/tokens.css", "/js/ndcg.js")
    grades = {"a": 3, "b": 0, "c": 2, "d": 1, "e": 3, "f": 1.5}
    rankings = [["a", "b", "c"], ["x", "y"], [], ["f", "e", "d", "c", "b", "a"], [*"xyzuvwkl", "a", "m", "e"]]
    ours = page.evaluate(
        f"([rankings, grades]) => import({json.dumps(module)}).then(m => rankings.map(ids => m.ndcg(ids, grades)))",
        [rankings, grades],
    )
    assert ours == pytest.approx([NDCG(10)(ranking, grades) for ranking in rankings])
    assert page.evaluate(f"() => import({json.dumps(module)}).then(m => m.ndcg(['a'], {{a: 0}}))") is None
