"""The formats of public data sets, on small files as their makers write them."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.judgments import JUDGMENT_FORMATS, Judgments, merged, read_judgments
from multirecall.evaluation.queries import read_queries

ESCI = """example_id,query,query_id,product_id,product_locale,esci_label,small_version,large_version,split
0,"! awnbrooks, table",12,B08PB9TTKT,us,E,0,1,train
1,"! awnbrooks, table",12,B000BPHTIC,us,S,0,1,train
2,"! awnbrooks, table",12,B07ZJWYNTZ,us,C,0,1,train
3,revent 80 cfm,1,B000MOO21W,us,I,0,1,train
"""
WANDS_LABELS = "id\tquery_id\tproduct_id\tlabel\n0\t0\t25434\tExact\n1\t0\t12088\tIrrelevant\n3\t1\t6\tPartial\n"
WANDS_QUERIES = 'query_id\tquery\tquery_class\n0\tsalon chair\tMassage Chairs\n1\t"3"" foam pad"\tPads\n'
LETOR = """# made by hand
2 qid:10 1:0.03 2:0.5 # P1
0 qid:10 1:0.00 2:0.1 #docid = P2 inc = 1 prob = 0.08

1.5 qid:11 # P1
"""


def written(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


ESCI_GRADES = {"12": {"B08PB9TTKT": 3.0, "B000BPHTIC": 2.0, "B07ZJWYNTZ": 1.0}, "1": {"B000MOO21W": 0.0}}


@pytest.mark.parametrize("format", [None, "esci"])
def test_esci_as_csv_and_parquet_gives_grades_and_queries(tmp_path: Path, format: str | None) -> None:
    csv = written(tmp_path, ESCI, "examples.csv")
    rows = [line.split(",", 1) for line in ESCI.splitlines()]
    header = rows[0][1].split(",")
    values = [[q.strip('"'), *rest.split(",")] for q, rest in (_split(row[1]) for row in rows[1:])]
    columns = {name: [row[at] for row in values] for at, name in enumerate(header)}
    columns["query_id"] = [int(value) for value in columns["query_id"]]
    parquet = tmp_path / "examples.parquet"
    pq.write_table(pa.table(columns), parquet)
    for path in (csv, parquet):
        assert read_judgments(path, format=format).grades == ESCI_GRADES
        queries = read_queries(path)
        assert [(q.qid, q.text, q.columns["product_locale"]) for q in queries] == [
            ("12", "! awnbrooks, table", "us"),
            ("1", "revent 80 cfm", "us"),
        ]


def _split(row: str) -> tuple[str, str]:
    at = row.rindex('"') + 1 if row.startswith('"') else row.index(",")
    return row[:at], row[at + 1 :]


@pytest.mark.parametrize("format", [None, "wands"])
def test_wands_is_tab_separated_in_files_named_csv(tmp_path: Path, format: str | None) -> None:
    judgments = read_judgments(written(tmp_path, WANDS_LABELS, "label.csv"), format=format)
    assert judgments.grades == {"0": {"25434": 2.0, "12088": 0.0}, "1": {"6": 1.0}}
    queries = read_queries(written(tmp_path, WANDS_QUERIES, "query.csv"))
    assert [(q.qid, q.text, q.columns) for q in queries] == [
        ("0", "salon chair", {"query_class": "Massage Chairs"}),
        ("1", '3" foam pad', {"query_class": "Pads"}),
    ]


@pytest.mark.parametrize("format", [None, "letor"])
def test_letor_names_the_product_behind_the_features(tmp_path: Path, format: str | None) -> None:
    judgments = read_judgments(written(tmp_path, LETOR, "fold1.txt"), format=format)
    assert judgments.grades == {"10": {"P1": 2.0, "P2": 0.0}, "11": {"P1": 1.5}}


def test_gzipped_files_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "j.tsv.gz"
    path.write_bytes(gzip.compress(b"query_id\tquery\tdoc_id\tgrade\nqid:1\tups\td1\t1\n"))
    assert read_judgments(path).grades == {"qid:1": {"d1": 1.0}}
    assert [(q.qid, q.text) for q in read_queries(path)] == [("qid:1", "ups")]
    (tmp_path / "cut.gz").write_bytes(path.read_bytes()[:40])
    with pytest.raises(InvalidSource, match="Cannot read"):
        read_judgments(tmp_path / "cut.gz")


def test_escapes_of_our_runs_are_undone_in_qrels_too(tmp_path: Path) -> None:
    judgments = read_judgments(written(tmp_path, "q%201 0 a%20b%2520 2\nq%201 0 50%off 1\n", "j.qrels"))
    assert judgments.grades == {"q 1": {"a b%20": 2.0, "50%off": 1.0}}


def test_rows_without_a_grade_are_refused_or_skipped_and_counted(tmp_path: Path) -> None:
    path = written(
        tmp_path, "qid\tquery\tproduct_id\ttitle\tgrade\nq1\tups\tp1\tAPC\t\nq1\tups\tp2\tEaton\t2\n", "p.tsv"
    )
    with pytest.raises(InvalidSource, match="grade is empty: product 'p1' is not judged yet for query 'q1'") as caught:
        read_judgments(path)
    assert "--skip-ungraded" in caught.value.hint
    assert caught.value.data["line"] == 2
    judgments = read_judgments(path, skip_ungraded=True)
    assert (judgments.grades, judgments.n_ungraded) == ({"q1": {"p2": 2.0}}, 1)
    empty = written(tmp_path, "qid\tproduct_id\tgrade\nq1\tp1\t\n", "e.tsv")
    with pytest.raises(InvalidSource, match="None of its rows has a grade yet"):
        read_judgments(empty, skip_ungraded=True)


def test_judgments_merge_unless_they_disagree() -> None:
    one = Judgments(grades={"q1": {"a": 1.0}})
    two = Judgments(grades={"q1": {"a": 1.0, "b": 3.0}, "q2": {"a": 0.0}}, n_ungraded=2)
    both = merged([one, two])
    assert (both.grades, both.n_ungraded, both.top_grade) == ({"q1": {"a": 1.0, "b": 3.0}, "q2": {"a": 0.0}}, 2, 3.0)
    assert one.grades == {"q1": {"a": 1.0}}
    with pytest.raises(InvalidInput, match="'a' has grade 1 and 2 for query 'q1'"):
        merged([one, Judgments(grades={"q1": {"a": 2.0}})])


@pytest.mark.parametrize(
    ("text", "name", "format", "words"),
    [
        (ESCI.replace(",E,", ",Q,"), "e.csv", None, "line 2: esci_label is 'Q', not a number or one of e, s, c, i"),
        (WANDS_LABELS.replace("Exact", "Good"), "l.csv", None, "line 2: label is 'Good', not a number or one of exact"),
        (WANDS_LABELS, "l.csv", "esci", "no column named esci_label among id, query_id, product_id, label"),
        ("2 qid:1 1:0.3\n", "l.txt", None, "line 1: docid is missing"),
        ("2 qid:1 1:0.3 # a\n2 1:0.3 # b\n", "l.txt", None, "line 2: qid is missing"),
        ("x qid:1 1:0.3 # a\n", "l.txt", None, "line 1: grade is 'x', not a number"),
        ('qid,product_id,grade\nq1,"p1,1\n', "q.csv", None, "judgments cannot be read"),
        ("q1 0 p1 1\n", "q.txt", "table", "no column for the query"),
    ],
)
def test_errors_name_line_and_field(tmp_path: Path, text: str, name: str, format: str | None, words: str) -> None:
    with pytest.raises(InvalidSource, match=words):
        read_judgments(written(tmp_path, text, name), format=format)


def test_formats_that_do_not_exist_or_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no judgments format 'beir'\. Formats: table, trec, esci, wands, letor"):
        read_judgments(tmp_path / "any", format="beir")
    path = tmp_path / "j.parquet"
    pq.write_table(pa.table({"qid": ["q1"], "docid": ["p1"], "rating": [2]}), path)
    assert read_judgments(path).grades == {"q1": {"p1": 2.0}}
    with pytest.raises(InvalidSource, match="a Parquet table, not letor"):
        read_judgments(path, format="letor")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InvalidSource, match="Cannot read"):
        read_judgments(path)
    assert len(JUDGMENT_FORMATS) == 5
