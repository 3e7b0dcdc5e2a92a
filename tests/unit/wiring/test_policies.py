"""The route policy of the settings: used where set, refused where broken, and honest about another fusion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.core.ranking import RouteStatus
from multirecall.fusion import RRF, WeightedSum
from multirecall.recall.policy import RulePolicy
from multirecall.search import understand
from multirecall.wiring.policies import load_policy, policy_note
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings
from tests.e2e.command import multirecall

RULE = {"route": "dense", "when": [{"feature": "numbers", "above": 0.5}]}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small index of static vectors and a policy, and no setting yet."""
    monkeypatch.chdir(tmp_path)
    products = [{"id": f"p{at}", "title": f"Lamp {at}"} for at in range(5)]
    (tmp_path / "catalogue.jsonl").write_text("\n".join(map(json.dumps, products)))
    done = multirecall("index", "catalogue.jsonl", "--engine", "embedded:shop", "--encoder", "hashing?dim=32")
    assert done.code == 0, done.err
    (tmp_path / "policy.json").write_text(
        json.dumps({"format": 1, "rules": [RULE], "card": {"fusion": "WeightedSum()"}})
    )
    return tmp_path


def statuses(
    fusion: str = "weighted_sum", *, use_policy: bool = True
) -> tuple[dict[str, RouteStatus], tuple[str, ...]]:
    with opened_searcher(
        load_settings(timeout_s=30.0), engine_url="embedded:shop", fusion=fusion, use_policy=use_policy
    ) as opened:
        page = opened.searcher.search(understand("lamp 3"))
        return {route.name: route.status for route in page.routes}, opened.notes


def test_it_is_off_by_default_and_on_when_set(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses()[0]["dense"] is RouteStatus.OK
    monkeypatch.setenv("MULTIRECALL_ROUTE_POLICY", "policy.json")
    found, notes = statuses()
    assert (found["dense"], notes) == (RouteStatus.SKIPPED, ())
    assert statuses(use_policy=False)[0]["dense"] is RouteStatus.OK
    _, notes = statuses("rrf")
    assert any("learned with WeightedSum(), not with RRF" in note for note in notes)
    shown = multirecall("search", "lamp 3", "--engine", "embedded:shop", "--timeout", "30")
    assert "skipped (the route policy leaves it out: 1 word with a digit or more)" in shown.out


def test_a_policy_that_cannot_be_read_is_an_error_that_names_the_setting(shop: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"nowhere\.json") as caught:
        load_policy(shop / "nowhere.json")
    assert "MULTIRECALL_ROUTE_POLICY" in caught.value.hint
    (shop / "bad.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InvalidSettings, match="UTF-8"):
        load_policy(shop / "bad.json")
    (shop / "empty.json").write_text("{}")
    with pytest.raises(InvalidSettings, match="broken"):
        load_policy(shop / "empty.json")


def test_a_policy_without_a_card_is_not_judged() -> None:
    assert policy_note(RulePolicy(rules=()), RRF()) == ""
    assert policy_note(RulePolicy(rules=(), card={"fusion": "WeightedSum()"}), WeightedSum()) == ""
