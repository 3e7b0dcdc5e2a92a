from collections.abc import Iterator
from pathlib import Path

import ir_measures
import pytest

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.runs import RunWriter, trec_token


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
