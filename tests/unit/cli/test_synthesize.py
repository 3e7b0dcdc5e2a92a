"""`multirecall synthesize` on a generated shop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from multirecall.cli.main import app
from multirecall.training.synthesis.records import read_pairs
from tests.support.judged_shop import judged_shop

CONCEPTS = """
[scene]
study_start = { say = ["first term"], find = ["laptop", "desk lamp", "backpack"] }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    judged_shop(folder, queries=30)
    (folder / "mine.toml").write_text(CONCEPTS)
    (folder / "asked.tsv").write_text("qid\tquery\n1\tlaptop for first term\n2\tqqq zzz\n")
    return folder


def run(shop: Path, monkeypatch: pytest.MonkeyPatch, *options: str, rewriters: str = "knowledge") -> tuple[int, str]:
    monkeypatch.setenv("MULTIRECALL_ENGINE", f"embedded:{shop / 'index'}")
    monkeypatch.setenv("MULTIRECALL_KNOWLEDGE", str(shop / "mine.toml"))
    monkeypatch.setenv("MULTIRECALL_REWRITERS", rewriters)
    done = CliRunner().invoke(app, ["synthesize", *options])
    return done.exit_code, done.output


def test_queries_of_a_file_become_pairs_and_a_second_run_finds_them_settled(
    shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = ("--queries", str(shop / "asked.tsv"), "--out", str(tmp_path / "out"), "--precision", "0.6", "--json")
    code, output = run(shop, monkeypatch, *options)
    assert code == 0, output
    report = json.loads(output)
    assert (report["queries"], report["known"], report["dropped"]) == (2, 0, {"no rewriting": 1})
    pairs = list(read_pairs(tmp_path / "out" / "pairs.jsonl"))
    assert report["pairs"] == len(pairs) > 0
    assert {pair.x for pair in pairs} == {"laptop for first term"}
    assert {pair.y_used for pair in pairs} <= {"laptop", "desk lamp", "backpack"}
    assert json.loads(run(shop, monkeypatch, *options)[1])["known"] == 2
    unsure = json.loads(run(shop, monkeypatch, *options, "--min-intent", "1")[1])
    assert (unsure["known"], unsure["dropped"]) == (0, {"no rewriting": 2})


def test_labels_of_half_a_pair_of_files_are_refused(
    shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, output = run(shop, monkeypatch, "--judgments", str(shop / "judgments.tsv"), "--out", str(tmp_path / "out"))
    assert code != 0
    assert "--judged-queries" in output
