from __future__ import annotations

import csv
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.pooling import PoolRow, pooled, write_pool
from multirecall.evaluation.queries import JudgedQuery

QUERIES = [JudgedQuery(qid="q2", text='17" monitor,\tblack'), JudgedQuery(qid="q1", text="ups")]
ONE = {"q1": tuple(f"p{at}" for at in range(20)), "q9": ("x",)}
TWO = {"q1": tuple(f"p{at}" for at in range(5, 30)), "q2": ("m1", "m2")}


def test_unjudged_products_of_all_tops_once_in_the_order_of_the_queries() -> None:
    rows = pooled([ONE, TWO], QUERIES, Judgments(grades={"q1": {"p0": 0.0, "p7": 2.0}, "q2": {"m1": 1.0}}), depth=10)
    assert [row.qid for row in rows] == ["q2"] + ["q1"] * 13
    assert rows[0] == PoolRow(qid="q2", query='17" monitor,\tblack', product_id="m2")
    assert {row.product_id for row in rows[1:]} == {f"p{at}" for at in range(15)} - {"p0", "p7"}
    assert len(pooled([ONE, TWO], QUERIES, None, depth=1)) == 3


def test_the_order_says_nothing_about_run_or_rank_and_stays() -> None:
    rows = pooled([ONE, TWO], QUERIES, None)
    assert pooled([TWO, ONE], QUERIES, None) == rows
    order = [row.product_id for row in rows if row.qid == "q1"]
    assert order != sorted(order)
    deeper = [row.product_id for row in pooled([ONE, TWO], QUERIES, None, depth=12) if row.qid == "q1"]
    assert [p for p in deeper if p in order] == order
    places = [order.index(f"p{at}") for at in range(15)]
    assert places != sorted(places)


@pytest.mark.parametrize("name", ["pool.tsv", "pool.csv"])
def test_a_pool_that_is_filled_in_reads_as_judgments(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rows = pooled([ONE, TWO], QUERIES, None, depth=2)
    assert write_pool(path, rows, {"m1": 'A\tmonitor,\n17"', "p0": '"Best" UPS'}) == len(rows) == 6
    with pytest.raises(InvalidSource, match="grade is empty"):
        read_judgments(path)
    text = path.read_text(encoding="utf-8")
    comma = name.endswith(".csv")
    table = list(csv.reader(text.splitlines())) if comma else [line.split("\t") for line in text.splitlines()]
    assert table[0] == ["qid", "query", "product_id", "title", "grade"]
    titles = {row[2]: row[3] for row in table}
    assert (titles["m1"], titles["p0"], titles["p1"]) == ('A monitor, 17"', '"Best" UPS', "")
    assert table[1][1] == '17" monitor, black'
    end = "\n"
    path.write_text(end.join([text.splitlines()[0], *(line + "2" for line in text.splitlines()[1:])]), encoding="utf-8")
    grades = read_judgments(path).grades
    assert grades == {"q2": {"m1": 2.0, "m2": 2.0}, "q1": dict.fromkeys(("p0", "p1", "p5", "p6"), 2.0)}


def test_what_cannot_be_pooled_or_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="depth must be 1"):
        pooled([ONE], QUERIES, None, depth=0)
    with pytest.raises(InvalidInput, match="none of the queries"):
        pooled([{"q9": ("x",)}], QUERIES, None)
    with pytest.raises(InvalidSource, match="Cannot write"):
        write_pool(tmp_path / "no" / "pool.tsv", [], {})
    broken = [PoolRow(qid="q1", query="x", product_id="a\tb")]
    with pytest.raises(InvalidInput, match="holds a tab") as caught:
        write_pool(tmp_path / "pool.tsv", broken, {})
    assert ".csv" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
    assert write_pool(tmp_path / "pool.csv", broken, {}) == 1
    assert "a\tb" in (tmp_path / "pool.csv").read_text()
