"""`multirecall train xmc`, and a search by its tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from multirecall.cli.main import app
from multirecall.evaluation.testbed import write_sample


def _run(*said: str) -> str:
    result = CliRunner().invoke(app, list(said), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_tree_is_trained_and_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "bed", products=300, queries=20, seed=3)
    engine = ("--engine", "embedded:shop")
    _run("index", "bed/catalogue.jsonl", "--mapping", "bed/multirecall.toml", *engine, "--encoder", "hashing?dim=16")
    judged = ("--queries", "bed/queries.tsv", "--judgments", "bed/judgments.tsv")
    card = json.loads(_run("train", "xmc", *engine, "--out", "tree", "--rounds", "5", *judged, "--json"))
    assert card["products"] == card["nodes"][-1] == 300
    assert card["judged_queries"] == 20

    title = json.loads((tmp_path / "bed" / "catalogue.jsonl").read_text().splitlines()[7])["title"]
    monkeypatch.setenv("MULTIRECALL_XMC_TREE", "tree")
    answer = json.loads(_run("search", title, *engine, "--routes", "xmc", "--json"))
    assert answer["hits"]["hits"][0]["product"]["title"] == title


def test_without_a_tree_the_route_says_which_command_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "bed", products=30, queries=5, seed=3)
    engine = ("--engine", "embedded:shop")
    _run("index", "bed/catalogue.jsonl", "--mapping", "bed/multirecall.toml", *engine, "--encoder", "hashing?dim=16")
    result = CliRunner().invoke(app, ["search", "lamp", *engine, "--routes", "lexical,xmc"])
    assert result.exit_code != 0
    assert "multirecall train xmc" in result.output
