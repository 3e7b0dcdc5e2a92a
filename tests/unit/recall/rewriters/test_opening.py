from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.recall.rewriters.artefact import write_vocabulary
from multirecall.recall.rewriters.opening import REWRITER_KINDS, open_rewriters
from tests.unit.recall.rewriters.shop import said, vocabulary


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rewriters")
    write_vocabulary(vocabulary(), path, {})
    return path


def test_the_chain_works_in_the_order_of_the_specification(folder: Path) -> None:
    chain = open_rewriters("units, spelling,compounds,synonyms", folder=folder)
    assert [one.name for one in chain.repairs] == ["units", "spelling", "compounds"]
    assert [one.name for one in chain.alternatives] == ["synonyms"]
    assert not chain.is_model
    assert chain.notes == ()
    assert said(chain, 'kensigton note book rucksack 15,6"')[0] == "kensington notebook rucksack 15.6 inch"
    assert chain == open_rewriters("units,spelling,compounds,synonyms", folder=folder)


def test_what_has_learned_nothing_yet_is_left_out_with_a_note(tmp_path: Path) -> None:
    for nowhere in (None, tmp_path):
        chain = open_rewriters("units,spelling,compounds", folder=nowhere)
        assert [one.name for one in chain.repairs] == ["units"]
        assert len(chain.notes) == 2
        assert all("multirecall rewriters build" in note for note in chain.notes)
    assert open_rewriters(" ") == open_rewriters("")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("units,speling", "no rewriter 'speling'"),
        ("units,,spelling", "no rewriter ''"),
        ("units,units", "twice"),
        ("units:5", "takes no '5'"),
        ("model", "behind a colon"),
    ],
)
def test_a_specification_that_is_not_understood(spec: str, says: str) -> None:
    with pytest.raises(InvalidSettings, match=says) as error:
        open_rewriters(spec)
    assert error.value.data["field"] == "rewriters"


def test_a_wrong_synonyms_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"none.txt"):
        open_rewriters("synonyms", synonyms=tmp_path / "none.txt")


def test_every_kind_but_a_model_opens_by_its_name_alone(folder: Path) -> None:
    names = [name for name, kind in REWRITER_KINDS.items() if not kind.argument]
    chain = open_rewriters(",".join(names), folder=folder)
    assert {one.name for one in (*chain.repairs, *chain.alternatives)} == set(names)


def test_opening_units_loads_nothing_heavy() -> None:
    program = (
        "import sys; from multirecall.recall.rewriters.opening import open_rewriters; open_rewriters('units'); "
        "sys.exit(sorted({'symspellpy', 'torch', 'transformers', 'tantivy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
