"""The commands of evaluation as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import multirecall


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated catalogue with queries and grades, its index, and the runs of two routes."""
    folder = tmp_path_factory.mktemp("bed")
    assert multirecall("sample", "--out", str(folder), "--products", "200", "--queries", "30").code == 0
    engine = f"embedded:{folder / 'index'}"
    done = multirecall("index", str(folder / "catalogue.jsonl"), "--mapping", str(folder / "multirecall.toml"),
                       "--engine", engine, "--encoder", "static")  # fmt: skip
    assert done.code == 0, done.err
    for route in ("lexical", "dense"):
        done = multirecall("run", "--queries", str(folder / "queries.tsv"), "--out", str(folder / f"{route}.trec"),
                           "--engine", engine, "--routes", route)  # fmt: skip
        assert done.code == 0, done.err
    return folder


def files(bed: Path) -> tuple[str, ...]:
    return ("--queries", str(bed / "queries.tsv"), "--judgments", str(bed / "judgments.tsv"))


def runs(bed: Path) -> tuple[str, str]:
    return str(bed / "lexical.trec"), str(bed / "dense.trec")


def test_evaluate_prints_tables_and_writes_a_report(bed: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = multirecall("evaluate", *runs(bed), *files(bed), "--segments", "class", "--html", str(page))
    assert done.code == 0, done.err
    for words in (
        "30 queries, 30 of them with",
        "condensed",
        "judged",
        "against lexical",
        "nDCG@10 by segment",
        "head",
    ):
        assert words in done.out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_evaluate_as_json_holds_every_figure_per_query_too(bed: Path) -> None:
    found = multirecall("evaluate", *runs(bed), *files(bed), "--measures", "R(rel=2,)@50, AP", "--segments", "none",
                        "--baseline", "dense", "--json").json  # fmt: skip
    assert (found["systems"], found["baseline"], found["segments"]) == (["lexical", "dense"], "dense", [])
    assert found["measures"] == ["R(rel=2)@50", "AP"]
    figures = {(f["system"], f["measure"]): f for f in found["overall"]["figures"]}
    values = found["values"]["AP"]["lexical"].values()
    assert figures["lexical", "AP"]["mean"] == pytest.approx(sum(values) / len(values))
    assert set(figures["lexical", "AP"]["under"]) == {"irrelevant", "condensed", "worst", "best"}
    assert {c["system"] for c in found["overall"]["comparisons"]} == {"lexical"}


def test_compare_shows_both_lists_with_titles(bed: Path) -> None:
    engine = ("--engine", f"embedded:{bed / 'index'}")
    done = multirecall("compare", *runs(bed), *files(bed), "--shown", "1", "--depth", "3", *engine)
    assert done.code == 0, done.err
    assert "against lexical" in done.out
    found = multirecall("compare", *runs(bed), *files(bed), "--shown", "2", "--depth", "3", *engine, "--json").json
    assert len(found["moved"]) == 2
    shown = found["moved"][0]["shown_b"][0]["product_id"]
    assert found["titles"][shown]
    assert shown in done.out
    same = multirecall("compare", *runs(bed), *files(bed), "--measure", "RR@10", "--shown", "0")
    assert "No query has another figure" not in same.out  # they differ, none was asked for
    itself = bed / "copy.trec"
    itself.write_text((bed / "lexical.trec").read_text())
    assert "No query has another figure" in multirecall("compare", runs(bed)[0], str(itself), *files(bed)).out


def test_a_pool_is_judged_and_comes_back(bed: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool.tsv"
    made = multirecall("pool", *runs(bed), *files(bed), "--depth", "5", "--out", str(pool), "--engine",
                       f"embedded:{bed / 'index'}", "--json")  # fmt: skip
    assert made.code == 0, made.err
    lines = pool.read_text().splitlines()
    assert made.json["products"] == len(lines) - 1 > 0
    assert made.json["titles"] == len({line.split("\t")[2] for line in lines[1:]})
    assert all(line.split("\t")[3] for line in lines[1:])
    both = (*files(bed), "--judgments", str(pool))
    refused = multirecall("evaluate", *runs(bed), *both)
    assert refused.code == 2
    assert "pool.tsv, line 2: grade is empty" in refused.err
    assert "--skip-ungraded" in refused.err
    pool.write_text("\n".join([lines[0], *(line + "0" for line in lines[1:-1]), lines[-1]]))
    judged = multirecall("evaluate", *runs(bed), *both, "--skip-ungraded", "--measures", "nDCG@5", "--json").json
    before = multirecall("evaluate", *runs(bed), *files(bed), "--measures", "nDCG@5", "--json").json
    assert judged["overall"]["figures"][0]["judged"] > 0.97 > before["overall"]["figures"][0]["judged"]
    assert judged["overall"]["figures"][0]["mean"] == pytest.approx(before["overall"]["figures"][0]["mean"])


def test_errors_name_what_is_wrong(bed: Path, tmp_path: Path) -> None:
    lexical, dense = runs(bed)
    strange = tmp_path / "strange.trec"
    strange.write_text("other Q0 p 1 1.0 t\n")
    cases = [
        (("evaluate", lexical, *files(bed), "--measures", "ERR@3"), "'ERR@3' is no measure"),
        (("evaluate", str(strange), *files(bed)), "Run 'strange' holds no query that is judged. "),
        (("evaluate", lexical, lexical, *files(bed)), "The same run is given twice"),
        (("evaluate", lexical, *files(bed), "--judgments-format", "beir"), "no judgments format 'beir'"),
        (("evaluate", str(tmp_path / "no.trec"), *files(bed)), "There is no file"),
        (("compare", lexical, dense, *files(bed), "--measure", "nDCG"), "needs a depth"),
        (
            ("pool", str(strange), "--queries", str(bed / "queries.tsv"), "--out", str(tmp_path / "p")),
            "none of the quer",
        ),
    ]
    for arguments, words in cases:
        done = multirecall(*arguments)
        assert done.code == 2, arguments
        assert words in f"{done.err} ".replace("\n", " "), done.err
    as_json = multirecall("evaluate", str(strange), *files(bed), "--json")
    assert as_json.json["error"]["code"] == "invalid_input"
    unwritable = multirecall(
        "evaluate", lexical, *files(bed), "--segments", "none", "--html", str(tmp_path / "no" / "r")
    )
    assert "Cannot write" in unwritable.err


@pytest.mark.parametrize("name", ["evaluate", "compare", "pool"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    assert f"Example: multirecall {name} " in multirecall(name, "--help").out.replace("\n", " ")
