from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.judgments import read_judgments


def written(folder: Path, text: str, name: str = "j.tsv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("j.tsv", "\ufeffqid\tproduct_id\tgrade\tsource\nq1\tp1\t3\thuman\nq1\tp2\t0.5\tmodel\n\nq2\tp1\t0\tmodel\n"),
        ("j.csv", 'Label,"query_id",doc_id\n3,q1,p1\n0.5,"q1",p2\n0,q2,p1\n'),
        ("j.txt", "query,docid,rating\nq1,p1,3\nq1,p2,.5\nq2,p1,0.0\n"),
        ("j.qrels", "q1 0 p1 3\nq1 Q0 p2 0.5\n\nq2\t0\tp1\t0\n"),
    ],
)
def test_every_form_gives_the_same_judgments(tmp_path: Path, name: str, text: str) -> None:
    judgments = read_judgments(written(tmp_path, text, name))
    assert judgments.grades == {"q1": {"p1": 3.0, "p2": 0.5}, "q2": {"p1": 0.0}}
    assert len(judgments) == 3
    assert (judgments.has_relevant("q1"), judgments.has_relevant("q2"), judgments.has_relevant("q3")) == (
        True,
        False,
        False,
    )
    assert judgments.of("q3") == {}


def test_quotes_in_a_tab_separated_file_are_text_and_rare_line_breaks_no_lines(tmp_path: Path) -> None:
    judgments = read_judgments(written(tmp_path, 'query\tdocid\trating\n17" monitor\x0cblack\tp"1\t2\n'))
    assert judgments.grades == {'17" monitor\x0cblack': {'p"1': 2.0}}


def test_the_same_grade_twice_is_one_judgment(tmp_path: Path) -> None:
    assert len(read_judgments(written(tmp_path, "q1 0 p1 2\nq1 0 p1 2.0\n"))) == 1


@pytest.mark.parametrize(
    ("text", "field", "line", "words"),
    [
        ("qid\tproduct_id\tgrade\nq1\tp1\t3\nq1\tp1\t2\n", "grade", 3, "is 2 for query 'q1' .* but 3 in line 2"),
        ("qid\tproduct_id\trating\nq1\tp1\tExact\n", "rating", 2, "'Exact', not a number"),
        ("qid\tproduct_id\tgrade\nq1\tp1\t-1\n", "grade", 2, "not between 0"),
        ("qid\tproduct_id\tgrade\nq1\tp1\tnan\n", "grade", 2, "not between 0"),
        ("qid\tproduct_id\tgrade\nq1\tp1\t100\n", "grade", 2, "not between 0"),
        ("qid\tproduct_id\tgrade\n\n\tp1\t1\n", "qid", 3, "qid is empty"),
        ("qid\tproduct_id\tgrade\nq1\tp1\n", "grade", 2, "grade is missing"),
        ("qid\tproduct\tgrade\nq1\tp1\t1\n", "docid", 1, "no column for the product among qid, product, grade"),
        ("q1 0 p1 1\nq1 p1 1\n", "judgments", 2, "3 columns where TREC"),
        ("q1 0 p1 1\nq1 0 p2 x\n", "grade", 2, "'x', not a number"),
    ],
)
def test_errors_name_file_line_and_field(tmp_path: Path, text: str, field: str, line: int, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidSource, match=words) as caught:
        read_judgments(path)
    assert {"file": str(path), "line": line, "field": field}.items() <= caught.value.data.items()
    assert f"{path}, line {line}: " in caught.value.message


def test_files_that_hold_nothing_or_cannot_be_read(tmp_path: Path) -> None:
    for text in ("", "\n", "qid\tproduct_id\tgrade\n"):
        with pytest.raises(InvalidSource, match="holds no judgment"):
            read_judgments(written(tmp_path, text))
    with pytest.raises(InvalidSource, match="no file"):
        read_judgments(tmp_path / "absent.tsv")
    (tmp_path / "latin.tsv").write_bytes(b"q1 0 caf\xe9 1\n")
    with pytest.raises(InvalidSource, match="Cannot read"):
        read_judgments(tmp_path / "latin.tsv")


@pytest.mark.data
def test_the_icecat_judgments(icecat_dir: Path) -> None:
    judgments = read_judgments(icecat_dir / "judgments.tsv")
    assert len(judgments) == 15_390
    assert {grade for grades in judgments.grades.values() for grade in grades.values()} == {0.0, 1.0, 2.0, 3.0}
