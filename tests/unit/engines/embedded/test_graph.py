from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import IndexCorrupt
from multirecall.engines.embedded.graph import Graph, GraphWriter
from multirecall.engines.embedded.rows import RowReader, RowWriter
from multirecall.engines.schema import VectorField
from tests.unit.engines.embedded.making import TUNING, schema, unit_vectors

VECTORS = unit_vectors(1, 1_000)


@pytest.fixture
def graphs(tmp_path: Path) -> Path:
    (tmp_path / "graphs").mkdir()
    return tmp_path / "graphs"


@pytest.fixture
def rows(tmp_path: Path) -> RowReader:
    (tmp_path / "rows").mkdir()
    writer = RowWriter(tmp_path / "rows", schema())
    for number, vector in enumerate(VECTORS):
        writer.append([str(number), None, None], {"dense": vector})
    writer.sync()
    writer.close()
    return RowReader(tmp_path / "rows", schema(), len(VECTORS))


def _field(index: str) -> VectorField:
    return schema(index).vectors[0]


def _reader_up_to(rows: RowReader, tmp_path: Path, stop: int) -> RowReader:
    return RowReader(tmp_path / "rows", schema(), stop)


@pytest.mark.parametrize("index", ["hnsw", "int8_hnsw"])
def test_the_graph_finds_what_is_near(graphs: Path, rows: RowReader, index: str) -> None:
    GraphWriter(graphs, _field(index), TUNING).follow(rows, np.arange(1_000))
    graph = Graph.open(graphs, _field(index), None)
    assert graph is not None
    assert (len(graph), graph.stop) == (1_000, 1_000)
    found = 0
    for query in unit_vectors(2, 20):
        nearest = set(np.argsort(-(VECTORS @ query))[:10].tolist())
        found += len(nearest & set(graph.nearest(query, 100).tolist()))
    assert found / 200 > 0.95
    assert Graph.open(graphs, _field(index), graph) is graph  # opened once


def test_few_rows_make_no_graph_and_few_new_ones_leave_it(graphs: Path, rows: RowReader, tmp_path: Path) -> None:
    field = _field("hnsw")
    writer = GraphWriter(graphs, field, TUNING)
    writer.follow(_reader_up_to(rows, tmp_path, 200), np.arange(200))
    assert Graph.open(graphs, field, None) is None
    writer.follow(_reader_up_to(rows, tmp_path, 300), np.arange(300))
    writer.follow(_reader_up_to(rows, tmp_path, 500), np.arange(500))
    graph = Graph.open(graphs, field, None)
    assert graph is not None
    assert graph.stop == 300
    # another writer, later: goes on from the file
    GraphWriter(graphs, field, TUNING).follow(rows, np.arange(1_000))
    longer = Graph.open(graphs, field, graph)
    assert longer is not None
    assert (len(longer), longer.stop) == (1_000, 1_000)
    assert len(list(graphs.glob("*.usearch"))) == 1
    assert graph.nearest(VECTORS[0], 1).tolist() == [0]  # a reader keeps the file it has mapped


def test_a_graph_mostly_of_dead_rows_is_made_anew(graphs: Path, rows: RowReader) -> None:
    field = _field("hnsw")
    writer = GraphWriter(graphs, field, TUNING)
    writer.follow(rows, np.arange(1_000))
    writer.follow(rows, np.arange(500, 1_000))
    kept = Graph.open(graphs, field, None)
    assert kept is not None
    assert len(kept) == 1_000
    writer.follow(rows, np.arange(600, 1_000))
    anew = Graph.open(graphs, field, None)
    assert anew is not None
    assert set(anew.nearest(VECTORS[0], 1_000).tolist()) == set(range(600, 1_000))


def test_a_damaged_graph_is_named_for_readers_and_remade_by_the_writer(graphs: Path, rows: RowReader) -> None:
    field = _field("hnsw")
    GraphWriter(graphs, field, TUNING).follow(rows, np.arange(1_000))
    [file] = graphs.glob("*.usearch")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(IndexCorrupt, match=file.name):
        Graph.open(graphs, field, None)
    GraphWriter(graphs, field, TUNING).follow(rows, np.arange(1_000))
    again = Graph.open(graphs, field, None)
    assert again is not None
    assert len(again) == 1_000
    (graphs / "dense.json").write_text("{")
    with pytest.raises(IndexCorrupt, match=r"dense\.json"):
        Graph.open(graphs, field, None)
