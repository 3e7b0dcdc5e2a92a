from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.queries import read_queries


def written(folder: Path, text: str, name: str = "q.tsv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_two_columns_without_a_header(tmp_path: Path) -> None:
    queries = read_queries(written(tmp_path, 'q1\tusb cable\nq2\t17" monitor\n\n'))
    assert [(q.qid, q.text) for q in queries] == [("q1", "usb cable"), ("q2", '17" monitor')]


def test_a_header_names_the_columns_and_the_others_are_kept(tmp_path: Path) -> None:
    (query,) = read_queries(written(tmp_path, "\ufeffqid\tclass\tquery\nq9\thead\tups\n"))
    assert (query.qid, query.text, query.columns) == ("q9", "ups", {"class": "head"})


def test_comma_separated_files_may_quote(tmp_path: Path) -> None:
    (query,) = read_queries(written(tmp_path, 'query,query_id\n"cable, black",7\n', "q.csv"))
    assert (query.qid, query.text) == ("7", "cable, black")


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "holds no query"), ("q1\n", "line 1"), ("q1\ta\n\tb\n", "line 2"), ("q1\ta\nq1\tb\n", "occurs twice")],
)
def test_wrong_files_name_the_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidSource, match=words):
        read_queries(written(tmp_path, text))


def test_a_missing_file_and_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    with pytest.raises(InvalidSource, match="no file"):
        read_queries(tmp_path / "absent.tsv")
    (tmp_path / "latin.tsv").write_bytes(b"q1\tcaf\xe9\n")
    with pytest.raises(InvalidSource, match="Cannot read"):
        read_queries(tmp_path / "latin.tsv")
