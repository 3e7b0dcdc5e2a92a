"""`multirecall train encoder`, on a generated shop and few steps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from multirecall.cli.main import app
from multirecall.encoders.opening import open_encoder
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.evaluation.testbed import write_sample
from tests.support.chat_server import ChatServer, answer
from tests.support.torch_extra import require_torch

torch = require_torch()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    write_sample(folder, products=150, queries=40, seed=3)
    return folder


def asked(shop: Path, out: Path, *more: str) -> list[str]:
    files = ["--catalogue", str(shop / "catalogue.jsonl"), "--queries", str(shop / "queries.tsv")]
    return ["train", "encoder", *files, "--judgments", str(shop / "judgments.tsv"), "--out", str(out), *more]


def test_static_vectors_are_tuned_and_served(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        app, asked(shop, tmp_path / "tuned", "--epochs", "0.1", "--json"), catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    assert card["encoder"] == f"static:{tmp_path / 'tuned'}"
    assert card["stages"].keys() == {"stage-1", "stage-2"}
    asked_of = read_queries(tmp_path / "tuned" / "held-out.tsv")
    assert len(asked_of) == card["data"]["test"] == card["held_out"]["queries"]
    gained = card["held_out"]["condensed nDCG@10"]
    assert gained["low"] <= gained["difference"] <= gained["high"]
    assert open_encoder(card["encoder"]).encode_queries(["a lamp"]).shape == (1, 256)
    assert open_encoder(f"{card['encoder']}/stage-1").fingerprint != open_encoder(card["encoder"]).fingerprint
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".tuned")] == []


def test_mine_and_refine_mines_with_a_teacher_and_writes_thresholds(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = asked(
        shop, tmp_path / "tuned", "--recipe", "mine-and-refine", "--base", "static", "--epochs", "0.1", "--json"
    )
    result = CliRunner().invoke(app, said, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    thresholds = json.loads((tmp_path / "tuned" / "thresholds.json").read_text())
    assert thresholds == {key: card["thresholds"][key] for key in ("medians", "above", "centres")}
    assert len(thresholds["above"]) == 2
    assert card["mined"]["annotated"] > 0


def test_levels_are_separated_across_queries_by_an_endpoint_that_grades(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = asked(shop, tmp_path / "tuned", "--recipe", "mine-and-refine", "--base", "static", "--epochs", "0.1")
    with ChatServer() as server:
        server.behave = answer("1")
        monkeypatch.setenv("MULTIRECALL_ANNOTATE_BY", "endpoint")
        monkeypatch.setenv("MULTIRECALL_ANNOTATE_URL", server.url)
        monkeypatch.setenv("MULTIRECALL_ANNOTATE_MODEL", "m")
        monkeypatch.setenv("MULTIRECALL_ANNOTATE_PAIRS", "60")
        result = CliRunner().invoke(app, [*said, "--separate", "across-queries", "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        card = json.loads(result.stdout)
        assert 0 < card["mined"]["annotated"] == len(server.seen) <= 60
    assert "centres" not in card["thresholds"]
    kept = (tmp_path / ".tuned.annotator" / "annotations.jsonl").read_text().splitlines()
    assert len(kept) == card["mined"]["annotated"]


def test_clicks_teach_as_far_as_they_are_sure(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {query.qid: query.text for query in read_queries(shop / "queries.tsv")}
    rows = ["query\tproduct_id\tposition\tclicked"]
    for qid, grades in read_judgments(shop / "judgments.tsv").grades.items():
        for at, (product, grade) in enumerate(sorted(grades.items())[:12]):
            clicked = 3 * int(grade)
            rows += [f"{texts[qid]}\t{product}\t{1 + at % 4}\t{int(n < clicked)}" for n in range(10)]
    (tmp_path / "clicks.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    said = ["train", "encoder", "--catalogue", str(shop / "catalogue.jsonl"), "--clicks", "clicks.tsv"]
    result = CliRunner().invoke(app, [*said, "--out", "tuned", "--epochs", "0.1", "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    assert card["settings"]["clicks"] == ["clicks.tsv"]
    assert card["data"]["pairs"] > 100
    result = CliRunner().invoke(app, [*said, "--out", "tuned", "--queries", str(shop / "queries.tsv")])
    assert result.exit_code != 0
    assert "or from --clicks alone" in " ".join(result.output.split())


def test_an_annotator_that_cannot_be_asked_is_told_before_the_training(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIRECALL_ANNOTATE_BY", "endpoint")
    result = CliRunner().invoke(app, asked(shop, tmp_path / "tuned", "--recipe", "mine-and-refine"))
    assert result.exit_code != 0
    assert "MULTIRECALL_ANNOTATE_URL" in result.output
    monkeypatch.setenv("MULTIRECALL_ANNOTATE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("MULTIRECALL_ANNOTATE_MODEL", "m")
    monkeypatch.setenv("MULTIRECALL_ANNOTATE_PAIRS", "3")
    said = asked(shop, tmp_path / "tuned", "--recipe", "mine-and-refine", "--base", "static")
    result = CliRunner().invoke(app, said)
    assert "less than one for each" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--separate", "magic"], "cannot be separated by 'magic'"),
        (["--recipe", "magic"], "There is no recipe 'magic'"),
        (["--base", "onnx"], "trains static vectors"),
        (["--dims", "wide"], "no whole numbers"),
        (["--engine", "exact:"], "exclude each other"),
    ],
)
def test_what_cannot_be_trained_is_told(shop: Path, tmp_path: Path, more: list[str], message: str) -> None:
    result = CliRunner().invoke(app, asked(shop, tmp_path / "tuned", *more))
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("grade", "told"), [("3", "there is no order to learn"), ("9", "from 0 (irrelevant) to 3 (exact)")]
)
def test_grades_that_cannot_be_learned_are_told_before_the_training(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grade: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{qid}\t{one}\t{grade}" for qid, of in read_judgments(shop / "judgments.tsv").grades.items() for one in of]
    (tmp_path / "same.tsv").write_text("\n".join(["qid\tproduct_id\tgrade", *rows]) + "\n")
    said = asked(shop, tmp_path / "tuned", "--recipe", "mine-and-refine", "--base", "static")
    said[said.index("--judgments") + 1] = "same.tsv"
    result = CliRunner().invoke(app, said)
    assert result.exit_code != 0
    assert told in " ".join(result.output.split())
    assert not (tmp_path / ".tuned.training").exists()


def test_a_query_in_two_splits_is_told_with_its_rows(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    header, first, *_ = (shop / "queries.tsv").read_text(encoding="utf-8").splitlines()
    qid, text = (dict(zip(header.split("\t"), first.split("\t"), strict=True))[name] for name in ("qid", "query"))
    rows = ["qid\tquery\tsplit", f"{qid}\t{text}\ttrain", f"again\t{text}\ttest"]
    (tmp_path / "queries.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    said = asked(shop, tmp_path / "tuned")
    said[said.index("--queries") + 1] = str(tmp_path / "queries.tsv")
    result = CliRunner().invoke(app, said)
    assert result.exit_code != 0
    assert "in two splits" in " ".join(result.output.split())
    assert not (tmp_path / "tuned").exists()
