from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.biased_clicks import write_biased_clicks
from tests.e2e.command import multirecall


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clicks")
    write_sample(folder / "bed", products=500, queries=100, seed=7)
    return write_biased_clicks(folder / "bed", traffic=50.0, out=folder / "log.tsv.gz").path


def test_the_command_writes_judgments_and_prints_the_positions(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "judgments.tsv"
    outcome = multirecall("clicks", str(log), "--out", str(out))
    assert outcome.code == 0, outcome.err
    assert len(read_judgments(out)) > 300
    lines = outcome.out.splitlines()
    assert lines[0].startswith(f"{len(read_judgments(out)):,} judgments for ")
    (header,) = (at for at, line in enumerate(lines) if "looked at" in line)
    table = [line.split() for line in lines[header + 1 : header + 11]]
    assert [row[0] for row in table] == [str(k) for k in range(1, 11)]
    assert float(table[0][3]) == 1.0
    assert [float(row[3]) for row in table[:3]] == pytest.approx([1, 1 / 2, 1 / 3], abs=0.1)
    assert "by harvesting" in outcome.out


def test_json_is_one_object_with_the_report(log: Path, tmp_path: Path) -> None:
    outcome = multirecall(
        "clicks", str(log), "--out", str(tmp_path / "j.tsv"), "--grades", "fraction", "--method", "none", "--json"
    )
    assert outcome.code == 0, outcome.err
    assert outcome.json["propensities"]["examination"] == [1.0] * 10
    assert outcome.json["grading"]["scale"] == "fraction"
    assert outcome.json["judged_pairs"] == len(read_judgments(tmp_path / "j.tsv"))


def test_lines_that_cannot_be_used_are_told(log: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("qid,product_id,position,clicked\nq,p,top,1\n")
    outcome = multirecall(
        "clicks", str(log), str(bad), "--out", str(tmp_path / "j.tsv"), "--rejects", str(tmp_path / "rejects.jsonl")
    )
    assert outcome.code == 0
    assert "1 line could not be used" in outcome.err
    assert "bad.csv, line 2: position is 'top'" in outcome.err
    assert (tmp_path / "rejects.jsonl").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "magic"], "Unknown method"),
        (["--grades", "stars"], "steps or fraction"),
        (["--action", "buy"], "names no action"),
        (["--action", "buy=sale"], "names no action"),
        (["--out", "absent/folder/j.tsv"], "Cannot write"),
    ],
)
def test_wrong_options_are_explained(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = multirecall("clicks", str(log), *arguments)
    assert outcome.code == 2
    assert message in outcome.err


def test_a_missing_log_is_an_error_as_json_too(tmp_path: Path) -> None:
    outcome = multirecall("clicks", str(tmp_path / "absent"), "--json")
    assert outcome.code == 2
    assert outcome.json["error"]["code"] == "invalid_source"
