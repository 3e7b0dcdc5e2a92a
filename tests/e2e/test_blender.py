"""A blender trained, used, moved away, and learned from clicks: by the commands, on a generated catalogue."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.command import multirecall

ENGINE = ("--engine", "embedded:shop")
FILES = ("--queries", "testbed/queries.tsv", "--judgments", "testbed/judgments.tsv")
QUICK = ("--rounds", "15", "--folds", "2", "--dropout", "0")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an indexed generated catalogue of 300 products and a blender trained on its judgments."""
    folder = tmp_path_factory.mktemp("blender")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MULTIRECALL_TIMEOUT_S", "30")
        assert multirecall("sample", "--out", "testbed", "--products", "300", "--queries", "60").code == 0
        done = multirecall(
            "index", "testbed/catalogue.jsonl", "--mapping", "testbed/multirecall.toml", *ENGINE,
            "--encoder", "hashing?dim=64",
        )  # fmt: skip
        assert done.code == 0, done.err
        done = multirecall("train", "blender", *ENGINE, *FILES, *QUICK, "--out", "model", "--html", "report.html")
        assert done.code == 0, done.err
        (folder / "trained.txt").write_text(done.out)
    return folder


@pytest.fixture(autouse=True)
def inside(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    monkeypatch.setenv("MULTIRECALL_TIMEOUT_S", "30")


def test_training_shows_what_the_blender_must_beat_and_how_to_use_it(shop: Path) -> None:
    shown = (shop / "trained.txt").read_text()
    for words in ("dense", "lexical", "RRF", "WeightedSum tuned", "blender", "Probabilities", "--fusion blender:model"):
        assert words in shown, shown
    page = (shop / "report.html").read_text()
    assert page.count("<svg") >= 2
    card = json.loads((shop / "model" / "card.json").read_text())["card"]
    assert card["data"]["judgments_file"] == "judgments.tsv"


def test_a_search_by_the_blender_tells_probabilities_and_why(shop: Path) -> None:
    done = multirecall("search", "black lamp", *ENGINE, "--fusion", "blender:model", "--explain", "--json")
    assert done.code == 0, done.err
    assert done.json["fusion"] == "Blender(model)"
    first = done.json["hits"]["hits"][0]
    assert 0.0 < first["relevance"] < 1.0
    assert first["explanation"]["by"] == "features"
    run = multirecall(
        "run", "--queries", "testbed/queries.tsv", "--out", "b.trec", *ENGINE, "--fusion", "blender:model"
    )
    assert run.code == 0, run.err
    assert "Blender(model)" in run.out


def test_an_empty_query_browses_under_a_blender_too() -> None:
    done = multirecall("search", "", *ENGINE, "--fusion", "blender:model", "--json")
    assert done.code == 0, done.err
    assert len(done.json["hits"]["hits"]) == 10


def test_without_its_folder_the_search_goes_on_and_says_so(shop: Path) -> None:
    done = multirecall("search", "black lamp", *ENGINE, "--fusion", "blender:elsewhere", "--json")
    assert done.code == 0, done.err
    assert done.json["fusion"] == "WeightedSum()"
    assert len(done.json["hits"]["hits"]) == 10
    assert any("no blender model at elsewhere" in note for note in done.json["notes"])


def test_a_blender_learns_from_clicks() -> None:
    done = multirecall(
        "train", "blender", *ENGINE, "--clicks", "testbed/clicks.tsv.gz", *QUICK, "--out", "clicked", "--json"
    )
    assert done.code == 0, done.err
    assert done.json["card"]["data"]["click_logs"] == ["clicks.tsv.gz"]
    assert done.json["card"]["data"]["judged_pairs"] > 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--queries and --judgments, or from --clicks alone"),
        (("--queries", "testbed/queries.tsv"), "--queries and --judgments, or from --clicks alone"),
        ((*FILES, "--clicks", "testbed/clicks.tsv.gz"), "--queries and --judgments, or from --clicks alone"),
        (("--queries", "testbed/queries.tsv", "--judgments", "nowhere.tsv"), "no file nowhere.tsv"),
    ],
)
def test_what_cannot_be_learned_from_is_said_before_anything_is_asked(arguments: tuple[str, ...], words: str) -> None:
    done = multirecall("train", "blender", *ENGINE, *arguments, "--out", "never")
    assert done.code == 2
    assert words in " ".join(done.err.split())
    assert not Path("never").exists()


def test_a_folder_with_something_else_is_not_overwritten(shop: Path) -> None:
    (shop / "mine").mkdir(exist_ok=True)
    (shop / "mine" / "thesis.tex").touch()
    done = multirecall("train", "blender", *ENGINE, *FILES, "--out", "mine")
    assert done.code == 2
    assert "no blender model" in done.err
    shutil.rmtree(shop / "mine")
