from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Engine, IndexedProduct, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.recall.rewriters.artefact import read_card, read_vocabulary
from multirecall.recall.rewriters.building import build_rewriters
from multirecall.recall.rewriters.mining import Judged
from tests.unit.recall.rewriters.shop import records, vocabulary


@pytest.fixture
def engine() -> Iterator[Engine]:
    with ExactEngine("shop") as opened:
        index = opened.create(Schema())
        writes = (Upsert(product=IndexedProduct(id=f"p{i}", fields=one)) for i, one in enumerate(records()))
        for result in opened.write(writes, index=index):
            assert not result.error, result
        opened.refresh(index=index)
        opened.swap(index)
        yield opened


def test_the_folder_is_learned_from_the_live_index(engine: Engine, tmp_path: Path) -> None:
    built = build_rewriters(engine, tmp_path / "rewriters")
    assert (built.products, built.words, built.synonyms) == (len(records()), len(vocabulary().words), 2)
    assert read_vocabulary(tmp_path / "rewriters").fingerprint == built.fingerprint == vocabulary().fingerprint
    assert read_card(tmp_path / "rewriters")["index"] == engine.info().name


def test_rows_of_people_stay(engine: Engine, tmp_path: Path) -> None:
    judged = [Judged(text=f"rucksack {x}", titles=("Hama backpack",)) for x in "abcdef"]
    judged += [Judged(text="bag", titles=("bag",))] * 9
    assert build_rewriters(engine, tmp_path, judged=judged).synonyms == 3
    path = tmp_path / "synonyms.tsv"
    rows = path.read_text().replace("rucksack\t", "# rucksack\t") + "telly\ttv\t0.9\thand\n"
    path.write_text(rows)
    again = build_rewriters(engine, tmp_path, judged=judged)
    assert (again.synonyms, again.synonyms_kept) == (2, 1)
    lines = path.read_text().splitlines()
    assert sum(line.startswith("# rucksack\tbackpack") for line in lines) == 1
    assert "telly\ttv\t0.9\thand" in lines
    assert build_rewriters(engine, tmp_path, judged=judged).synonyms_kept == 1
    assert path.read_text().splitlines() == lines


def test_an_empty_index_teaches_nothing_and_harms_nothing(tmp_path: Path) -> None:
    with ExactEngine("shop") as empty:
        empty.swap(empty.create(Schema()))
        with pytest.raises(InvalidInput, match="no product"):
            build_rewriters(empty, tmp_path / "rewriters")
    assert not (tmp_path / "rewriters").exists()
