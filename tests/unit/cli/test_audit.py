from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.biased_clicks import write_biased_clicks
from multirecall.training.clicks import read_click_log
from tests.e2e.command import multirecall


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated shop with a log of clicks, and a copy of its judgments in which every fifth best or irrelevant
    label that the log shows is the opposite of the truth (`wrong.tsv`; which: `flipped.tsv`)."""
    folder = tmp_path_factory.mktemp("audit") / "bed"
    write_sample(folder, products=300, queries=30, seed=7)
    write_biased_clicks(folder, traffic=300.0, out=folder / "log.tsv.gz")
    log = read_click_log([folder / "log.tsv.gz"])
    shown = {(log.queries[q], log.products[p]) for q, p in zip(log.query, log.product, strict=True)}
    lines, flipped = ["qid\tproduct_id\tgrade\n"], ["qid\tproduct_id\n"]
    opposite = {0.0: 3.0, 3.0: 0.0}
    number = 0
    for qid, of in read_judgments(folder / "judgments.tsv").grades.items():
        for product, grade in of.items():
            turns = grade in opposite and (qid, product) in shown
            number += turns
            if turns and number % 5 == 0:
                flipped.append(f"{qid}\t{product}\n")
                grade = opposite[grade]
            lines.append(f"{qid}\t{product}\t{grade:g}\n")
    (folder / "wrong.tsv").write_text("".join(lines))
    (folder / "flipped.tsv").write_text("".join(flipped))
    return folder


def test_nearly_all_doubted_labels_are_wrong_ones(bed: Path, tmp_path: Path) -> None:
    out = tmp_path / "doubted.tsv"
    outcome = multirecall(
        "audit", str(bed / "log.tsv.gz"), "--queries", str(bed / "queries.tsv"), "--judgments", str(bed / "wrong.tsv"),
        "--out", str(out),
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    flipped = {tuple(line.split("\t")) for line in (bed / "flipped.tsv").read_text().splitlines()[1:]}
    doubted = [tuple(line.split("\t")[:2]) for line in out.read_text().splitlines()[1:]]
    assert len(doubted) == len(set(doubted)) >= 5
    assert f"{len(doubted)} judgments of " in outcome.out
    assert len(flipped & set(doubted)) >= 0.8 * len(doubted)
    header = out.read_text().splitlines()[0].split("\t")
    assert header == ["qid", "product_id", "grade", "was", "why", "query"]


def test_json_is_one_object(bed: Path) -> None:
    outcome = multirecall(
        "audit", str(bed / "log.tsv.gz"), "--queries", str(bed / "queries.tsv"), "--judgments", str(bed / "wrong.tsv"),
        "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert {"query", "product", "level", "why"} == set(outcome.json["doubted"][0])
    assert outcome.json["data"]["groups"] > 20


def test_a_file_that_is_not_there_is_told(bed: Path, tmp_path: Path) -> None:
    outcome = multirecall(
        "audit", str(tmp_path / "absent.tsv"), "--queries", str(bed / "queries.tsv"),
        "--judgments", str(bed / "judgments.tsv"), "--json",
    )  # fmt: skip
    assert outcome.code == 2
    assert "absent.tsv" in outcome.json["error"]["message"]
