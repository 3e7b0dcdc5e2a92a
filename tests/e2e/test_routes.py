"""Routes measured, a policy learned, switched on, and seen at work: by the commands, on a generated catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multirecall.recall.policy import RulePolicy
from tests.e2e.command import multirecall

ENGINE = ("--engine", "embedded:shop")
FILES = ("--queries", "testbed/queries.tsv", "--judgments", "testbed/judgments.tsv")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an indexed generated catalogue of 300 products, its queries and judgments."""
    folder = tmp_path_factory.mktemp("routes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert multirecall("sample", "--out", "testbed", "--products", "300", "--queries", "60").code == 0
        done = multirecall(
            "index", "testbed/catalogue.jsonl", "--mapping", "testbed/multirecall.toml", *ENGINE,
            "--encoder", "hashing?dim=64",
        )  # fmt: skip
        assert done.code == 0, done.err
    return folder


@pytest.fixture(autouse=True)
def inside(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    monkeypatch.setenv("MULTIRECALL_TIMEOUT_S", "30")


def test_the_report_a_policy_and_its_use(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = multirecall(
        "routes-report", *ENGINE, *FILES, "--learn", "learned.json", "--html", "routes.html", "--tolerance", "0.4",
        "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    routes, policy = done.json["routes"], done.json["policy"]
    assert routes["routes"] == ["lexical", "dense"]
    overall = [row for row in routes["counts"] if not row["family"]]
    assert overall[0]["n_found_by_any"] == overall[1]["n_found"] + overall[0]["n_unique"]
    assert {c["system"] for c in routes["left_out"]["overall"]["comparisons"]} == {"without lexical", "without dense"}
    assert "<svg" in (shop / "routes.html").read_text()
    assert policy["accepted"]  # whatever it costs: the tolerance is absurd, so that a policy is sure to be there
    assert RulePolicy.from_json((shop / "learned.json").read_text()).rules

    (shop / "every.json").write_text(
        json.dumps({"format": 1, "rules": [{"route": "dense", "when": [{"feature": "words", "at_most": 99}]}]})
    )
    monkeypatch.setenv("MULTIRECALL_ROUTE_POLICY", "every.json")
    found = multirecall("search", "black lamp", *ENGINE, "--json")
    assert found.code == 0, found.err
    traces = {route["name"]: route for route in found.json["routes"]}
    assert (traces["dense"]["status"], traces["dense"]["prepared_ms"]) == ("skipped", 0.0)
    assert found.json["degraded"] == {}
    again = multirecall("routes-report", *ENGINE, *FILES, "--segments", "none", "--json").json["routes"]
    assert again["left_out"]["overall"] == routes["left_out"]["overall"]  # it asks every route, whatever policy is set


def test_the_tables(shop: Path) -> None:
    done = multirecall("routes-report", *ENGINE, *FILES, "--segments", "length", "--learn", "strict.json")
    assert done.code == 0, done.err
    for part in ("without dense", "Each route alone", "Milliseconds", "By segment", "1 word", "share", "Route policy"):
        assert part in done.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--routes", "lexical"), "two routes"), (("--skippable", "rewriter", "--learn", "x.json"), "not for rewriter"),
        (("--segments", "mood"), "no segment 'mood'"), (("--learn", "no/such/folder.json"), "Cannot write"),
    ],
)  # fmt: skip
def test_wrong_options_are_errors_that_say_why(options: tuple[str, ...], says: str) -> None:
    done = multirecall("routes-report", *ENGINE, *FILES, *options)
    assert done.code == 2
    assert says in done.err


def test_explanations_on_the_command_line() -> None:
    found = multirecall("search", "black lamp", *ENGINE, "--explain", "--json").json["hits"]["hits"]
    for hit in found:
        shares = hit["explanation"]["shares"]
        assert hit["explanation"]["base"] + sum(s["contribution"] for s in shares) == pytest.approx(hit["score"])
    first, last = found[0], found[-1]
    between = multirecall("search", "black lamp", *ENGINE, "--why", first["id"], last["id"], "--json").json["why"]
    assert between["difference"] == pytest.approx(first["score"] - last["score"])
    shown = multirecall("search", "black lamp", *ENGINE, "--why", first["id"], last["id"])
    assert "stands before" in shown.out
    missing = multirecall("search", "black lamp", *ENGINE, "--why", first["id"], "nobody")
    assert missing.code == 3
    assert "'nobody' is none of the" in missing.err
