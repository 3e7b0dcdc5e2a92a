from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.training.clicks import read_click_log
from multirecall.training.clicks.log import MAX_POSITION
from multirecall.training.clicks.tally import Tally
from tests.unit.training.clicks.logs import rows_of


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_is_counted_by_query_product_and_position(tmp_path: Path) -> None:
    log = read_click_log(
        [
            written(
                tmp_path / "log.tsv",
                "Query\tproduct_id\tposition\tclicked\tcarted\tpurchased\tsession",
                '24"  TV\tp1\t1\t1\t0\t0\ts1',
                '24" tv\tp1\t1\t0\t0\t0\ts2',
                '24" tv\tp1\t2\t1\t1\t0\ts3',
                '24" tv\tp2\t1\t0\t0\t1\ts3',
            )
        ]
    )
    assert rows_of(log) == {
        ('24" tv', "p1", 1): (2, 1, 0, 0),
        ('24" tv', "p1", 2): (1, 1, 1, 0),
        ('24" tv', "p2", 1): (1, 1, 1, 1),  # a purchase is a cart and a click
    }
    assert log.texts == ('24" TV',)
    assert (log.lines, log.rejected) == (4, 0)


def test_commas_quotes_and_several_files_add_up(tmp_path: Path) -> None:
    first = written(tmp_path / "1.csv", "query,docid,rank,click", '"tv, large",p1,1,true', "tv,p1,1,no")
    second = tmp_path / "2.csv.gz"
    second.write_bytes(gzip.compress(b'\xef\xbb\xbfqid,product_id,position,clicked\n"tv, large",p1,1,0\n'))
    assert rows_of(read_click_log([first, second])) == {
        ("tv, large", "p1", 1): (2, 1, 0, 0),
        ("tv", "p1", 1): (1, 0, 0, 0),
    }


def test_positions_from_0_are_moved_up_per_file(tmp_path: Path) -> None:
    zero = written(tmp_path / "0.tsv", "qid\tpid\tposition\tclicked", "a\tp\t0\t1", "a\tq\t1\t0")
    one = written(tmp_path / "1.tsv", "qid\tpid\tposition\tclicked", "a\tp\t1\t1", "a\tq\t2\t0")
    assert rows_of(read_click_log([zero, one])) == {("a", "p", 1): (2, 2, 0, 0), ("a", "q", 2): (2, 0, 0, 0)}


def test_deep_positions_count_as_the_deepest(tmp_path: Path) -> None:
    path = written(tmp_path / "1.tsv", "qid\tpid\tposition\tclicked", "a\tp\t1\t1", "a\tq\t50\t0", "a\tq\t999999999\t1")
    assert rows_of(read_click_log([path]))["a", "q", MAX_POSITION] == (2, 1, 0, 0)


def test_lines_that_are_wrong_are_counted_named_and_written(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log.csv",
        "qid,product_id,position,clicked",
        "a,p,1,1",
        "a,p,first,1",
        "a,p,-1,1",
        "a,,1,1",
        " ,p,1,1",
        "",
        "a,p,1,maybe",
        "a,p",
    )
    log = read_click_log([path], rejects=tmp_path / "rejects.jsonl")
    assert rows_of(log) == {("a", "p", 1): (1, 1, 0, 0)}
    assert (log.lines, log.rejected) == (7, 6)
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(r["line"], r["field"]) for r in rejects] == [
        (3, "position"), (4, "position"), (5, "product_id"), (6, "qid"), (8, "clicked"), (9, "position"),
    ]  # fmt: skip
    assert str(log.first_rejected[0]) == f"{path}, line 3: position is 'first', not a whole number from 0 or 1"


def test_without_rejects_there_is_no_file_and_an_earlier_one_goes(tmp_path: Path) -> None:
    rejects = written(tmp_path / "rejects.jsonl", "old")
    read_click_log([written(tmp_path / "l.csv", "qid,pid,position,click", "a,p,1,1")], rejects=rejects)
    assert not rejects.exists()


@pytest.mark.parametrize(
    ("header", "field"),
    [("product_id,position,clicked", "query"), ("qid,position,clicked", "product_id"), ("qid,pid,clicked", "position"),
     ("qid,pid,position", "clicked")],
)  # fmt: skip
def test_a_missing_column_is_named(tmp_path: Path, header: str, field: str) -> None:
    with pytest.raises(InvalidSource, match="line 1: no column for") as caught:
        read_click_log([written(tmp_path / "log.csv", header, "a,b,1,1")])
    assert caught.value.data["field"] == field


def test_logs_that_say_nothing_are_refused(tmp_path: Path) -> None:
    header = "qid,pid,position,clicked"
    with pytest.raises(InvalidSource, match="none of 1 lines is an impression") as caught:
        read_click_log([written(tmp_path / "a.csv", header, "a,p,x,1")])
    assert "line 2: position" in caught.value.hint
    with pytest.raises(InvalidSource, match="none of 2 impressions was clicked"):
        read_click_log([written(tmp_path / "b.csv", header, "a,p,1,0", "a,q,2,0")])
    with pytest.raises(InvalidSource, match="no column"):
        read_click_log([written(tmp_path / "c.csv", "")])
    with pytest.raises(InvalidSource, match="There is no file"):
        read_click_log([tmp_path / "absent.csv"])
    with pytest.raises(InvalidInput, match="No click log"):
        read_click_log([])


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("qid,pid,position,clicked\nkühl,p,1,1\n".encode("latin-1"))
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(b"qid,pid,position,clicked\n" + b"a,p,1,1\n" * 9999)[:-20])
    for path, why in ((latin, "not UTF-8"), (cut, "end-of-stream"), (tmp_path, "Is a directory")):
        with pytest.raises(InvalidSource, match=why) as caught:
            read_click_log([path])
        assert str(path) in caught.value.message


def test_chunks_are_added_up_as_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = [f"q{i % 3},p{i % 7},{i % 5},{i % 2}" for i in range(1000)]
    path = written(tmp_path / "log.csv", "qid,pid,position,clicked", *lines)
    whole = rows_of(read_click_log([path]))
    monkeypatch.setattr("multirecall.training.clicks.tally._CHUNK", 17)
    assert rows_of(read_click_log([path])) == whole
    assert sum(counts[0] for counts in whole.values()) == 1000
    assert Tally()._rows == []
