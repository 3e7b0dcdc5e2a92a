from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import IndexCorrupt
from multirecall.engines.embedded.rows import RowReader, RowWriter, segment_bases
from tests.unit.engines.embedded.making import DIM, schema, unit_vectors


def _text(number: int) -> str:
    return f"wörter von produkt {number}"


def _append(writer: RowWriter, vectors: np.ndarray, first: int = 0) -> None:
    for number, vector in enumerate(vectors, start=first):
        assert writer.append([f"p{number}", None, ["a", "b"]], {"dense": vector}, _text(number)) == number


def test_rows_come_back_as_appended(tmp_path: Path) -> None:
    vectors = unit_vectors(1, 20)
    writer = RowWriter(tmp_path, schema())
    _append(writer, vectors)
    writer.append(["no vector", "HP", None], {})
    writer.sync()
    writer.close()
    rows = RowReader(tmp_path, schema(), 21)
    np.testing.assert_array_equal(rows.gather("dense", np.array([7, 0, 19])), vectors[[7, 0, 19]])
    assert rows.keys([20, 3]) == [["no vector", "HP", None], ["p3", None, ["a", "b"]]]
    assert rows.ids([5, 4]) == ["p5", "p4"]
    assert rows.texts([20, 3, 19]) == ["", _text(3), _text(19)]
    np.testing.assert_array_equal(rows.vector("dense", 20), np.zeros(DIM))


def test_records_and_documents_come_back_also_before_they_are_synced(tmp_path: Path) -> None:
    pieces = [(b"r%d" % n, b"document " * n) for n in range(5)]
    writer = RowWriter(tmp_path, schema())
    for number, (record, document) in enumerate(pieces):
        if number == 2:
            writer.start_segment()
        writer.append([f"p{number}", None, None], {}, record=record, document=document)
        if number >= 2:  # of the last segment
            assert [writer.document(row) for row in range(2, number + 1)] == [
                pieces[n][1] for n in range(2, number + 1)
            ]
    writer.sync()
    writer.close()
    rows = RowReader(tmp_path, schema(), 5)
    wanted = [4, 0, 2, 1, 3]
    assert rows.records(wanted) == [pieces[n][0] for n in wanted]
    assert rows.documents(wanted) == [pieces[n][1] for n in wanted]


@pytest.mark.parametrize("wanted", [[0, 1, 2, 3, 9], [0, 29], list(range(30)), [11, 12, 13]])
def test_dot_is_the_same_however_rows_lie(tmp_path: Path, wanted: list[int]) -> None:
    vectors = unit_vectors(2, 30)
    writer = RowWriter(tmp_path, schema())
    _append(writer, vectors[:12])
    assert writer.start_segment() == 12
    _append(writer, vectors[12:], first=12)
    writer.sync()
    writer.close()
    rows = RowReader(tmp_path, schema(), 30)
    assert segment_bases(tmp_path) == [0, 12]
    chosen = np.array(wanted)
    np.testing.assert_allclose(rows.dot("dense", vectors[3], chosen), vectors[chosen] @ vectors[3], atol=1e-6)
    np.testing.assert_array_equal(rows.gather("dense", chosen), vectors[chosen])
    assert rows.ids(wanted) == [f"p{number}" for number in wanted]
    assert rows.texts(wanted[::-1]) == [_text(number) for number in wanted[::-1]]


@pytest.mark.parametrize("torn", ["bounds", "dense.f32", "keys", "texts", "records", "documents"])
@pytest.mark.parametrize("cut", [1, 7, 64])
def test_what_a_kill_cut_off_is_left_behind(tmp_path: Path, torn: str, cut: int) -> None:
    vectors = unit_vectors(3, 10)
    writer = RowWriter(tmp_path, schema())
    _append(writer, vectors[:6])
    writer.sync()
    _append(writer, vectors[6:], first=6)
    writer.sync()
    writer.close()
    file = tmp_path / f"{0:015d}" / torn
    file.write_bytes(file.read_bytes()[:-cut])  # rows 6 to 9 were never committed, one file is short

    again = RowWriter(tmp_path, schema())
    assert again.next_row == 10  # no number is given twice
    again.append(["next", None, None], {"dense": vectors[0]}, "nächster")
    again.sync()
    again.close()
    rows = RowReader(tmp_path, schema(), 11)
    assert rows.ids([0, 5, 10]) == ["p0", "p5", "next"]
    assert rows.texts([0, 5, 10]) == [_text(0), _text(5), "nächster"]
    np.testing.assert_array_equal(rows.gather("dense", np.array([5, 10])), vectors[[5, 0]])


def test_a_missing_or_short_file_is_named(tmp_path: Path) -> None:
    writer = RowWriter(tmp_path, schema())
    _append(writer, unit_vectors(4, 5))
    writer.sync()
    writer.close()
    with pytest.raises(IndexCorrupt, match=r"bounds holds 320 bytes, 384 are needed"):
        RowReader(tmp_path, schema(), 6)
    (tmp_path / f"{0:015d}" / "dense.f32").unlink()
    with pytest.raises(IndexCorrupt, match=r"dense\.f32 is missing"):
        RowReader(tmp_path, schema(), 5)


def test_no_rows_at_all(tmp_path: Path) -> None:
    rows = RowReader(tmp_path, schema(), 0)
    assert rows.ids([]) == []
    assert rows.texts([]) == []
    assert rows.gather("dense", np.zeros(0, dtype=np.int64)).shape == (0, 0)
    assert rows.dot("dense", np.ones(DIM, dtype=np.float32), np.zeros(0, dtype=np.int64)).shape == (0,)


def test_ids_of_any_text_are_read_as_they_were_written(tmp_path: Path) -> None:
    ids = ['a"b', "back\\slash", "ü", "日本", "🛒", "tab\t", "]", '","', "plain"]
    writer = RowWriter(tmp_path, schema())
    for name in ids:
        writer.append([name, 'br"and', None], {})
    writer.sync()
    writer.close()
    assert RowReader(tmp_path, schema(), len(ids)).ids(range(len(ids))) == ids
