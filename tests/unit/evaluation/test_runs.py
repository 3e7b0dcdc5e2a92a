from collections.abc import Iterator
from pathlib import Path

import ir_measures
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multirecall.core.errors import InvalidSource
from multirecall.core.ranking import ranked_hits
from multirecall.evaluation.runs import RunWriter, from_trec_token, read_run, trec_token


def test_a_run_reads_back_in_our_order_even_with_equal_scores(tmp_path: Path) -> None:
    path = tmp_path / "r.trec"
    with RunWriter(path, "my tag") as writer:
        assert writer.write("q1", [("b", 2.0), ("a", 1.0), ("c", 1.0), ("d", 1.0)]) == 4
        assert writer.write("q2", []) == 0
    lines = [line.split() for line in path.read_text().splitlines()]
    assert [(line[0], line[1], line[2], line[3], line[5]) for line in lines] == [
        ("q1", "Q0", doc, str(rank), "my%20tag") for rank, doc in enumerate("bacd", start=1)
    ]
    read = sorted(ir_measures.read_trec_run(str(path)), key=lambda d: -d.score)
    assert [d.doc_id for d in read] == list("bacd")
    assert len({d.score for d in read}) == 4


@pytest.mark.parametrize("step", [0.0, 1e-12], ids=["equal", "equal in single precision"])
def test_trec_eval_sees_our_order_of_equal_scores(tmp_path: Path, step: float) -> None:
    path = tmp_path / "r.trec"
    with RunWriter(path, "t") as writer:
        writer.write("q1", [("a", 0.7), ("b", 0.7 - step), ("c", 0.7 - 2 * step)])
    qrels = [ir_measures.Qrel("q1", "a", 1), ir_measures.Qrel("q1", "b", 0), ir_measures.Qrel("q1", "c", 0)]
    found = ir_measures.calc_aggregate([ir_measures.P @ 1], qrels, list(ir_measures.read_trec_run(str(path))))
    assert found[ir_measures.P @ 1] == 1.0


def test_ids_with_white_space_stay_one_word_and_can_be_told_apart() -> None:
    assert trec_token("a b%20\u00a0c") == "a%20b%2520%C2%A0c"
    assert trec_token("日本-1") == "日本-1"


def test_a_failed_run_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "r.trec"
    path.write_text("old")

    def hits() -> Iterator[tuple[str, float]]:
        yield "a", 1.0
        raise RuntimeError("engine lost")

    with pytest.raises(RuntimeError), RunWriter(path, "t") as writer:
        writer.write("q1", hits())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSource, match="Cannot write"), RunWriter(tmp_path / "no" / "r.trec", "t"):
        pass


def test_a_run_is_read_by_score_and_ties_by_id_whatever_its_ranks(tmp_path: Path) -> None:
    path = tmp_path / "r.trec"
    path.write_text("q2 Q0 b 1 1.5 t\n\nq1 Q0 z 7 2e0 t\nq2\tQ0\ta%20b\t9\t1.5\tt\nq2 Q0 c 3 9 t\n")
    assert read_run(path) == {"q2": ("c", "a b", "b"), "q1": ("z",)}
    assert list(read_run(path)) == ["q2", "q1"]


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.dictionaries(st.text(min_size=1), st.floats(-1e6, 1e6), min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(tmp_path: Path, scores: dict[str, dict[str, float]]) -> None:
    ranked = {qid: ranked_hits(of_query.items()) for qid, of_query in scores.items()}
    with RunWriter(tmp_path / "r.trec", "t") as writer:
        for qid, hits in ranked.items():
            writer.write(qid, [(hit.id, hit.score) for hit in hits])
    assert read_run(tmp_path / "r.trec") == {qid: tuple(hit.id for hit in hits) for qid, hits in ranked.items()}


@given(st.text(alphabet="a%2059EC\u00a0 \n日"))
def test_tokens_are_undone(text: str) -> None:
    assert from_trec_token(trec_token(text)) == text


def test_escapes_that_are_not_ours_stay() -> None:
    for token in ("50%", "%41", "%FF", "%20%41", "a%2fb"):
        assert from_trec_token(token) == token


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("q1 Q0 a 1 2.0\n", 1, "run", "has 5 columns, not 6. A run in TREC format has: query id, Q0, "),
        ("q1 Q0 a 1 2.0 t\nq1 Q0 b 2 high t\n", 2, "score", "score is 'high', not a finite number"),
        ("q1 Q0 a 1 nan t\n", 1, "score", "not a finite number"),
        ("q1 Q0 a 1 2 t\nq2 Q0 a 1 2 t\nq1 Q0 a 2 1 t\n", 3, "product id", "'a' occurs twice for query 'q1', first in"),
    ],
)
def test_wrong_runs_name_file_line_and_field(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    path = tmp_path / "r.trec"
    path.write_text(text)
    with pytest.raises(InvalidSource, match=words) as caught:
        read_run(path)
    assert {"file": str(path), "line": line, "field": field}.items() <= caught.value.data.items()


def test_runs_that_are_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(InvalidSource, match="There is no file"):
        read_run(tmp_path / "absent.trec")
    (tmp_path / "empty.trec").write_text("\n")
    with pytest.raises(InvalidSource, match="holds no hit"):
        read_run(tmp_path / "empty.trec")
