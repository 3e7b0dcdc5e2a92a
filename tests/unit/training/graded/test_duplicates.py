from __future__ import annotations

import pytest

from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.training.graded.duplicates import Duplicates, catalogue_duplicates
from tests.support.records import upsert

TITLES = {
    "a": "HP 12A black toner cartridge",
    "b": "Toner cartridge, black: HP 12A",
    "c": "HP 12A black toner cartridges",
    "d": "HP 13A black toner cartridge",
    "e": "HP 12A yellow toner cartridge",
    "f": "",
    "g": "",
    "h": "Something else altogether",
}
IDENTIFIERS = {"a": ["0012502612346", "X1"], "h": ["12502612346"], "d": ["X1"], "f": ["00000012"], "g": ["12"]}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "a", True),
        ("a", "b", True),  # the same words
        ("a", "c", True),  # nearly
        ("a", "d", False),  # another number
        ("a", "e", False),  # another colour
        ("f", "g", False),  # without a title, and 12 is no GTIN
        ("a", "h", True),  # the same GTIN, padded or not
    ],
)
def test_the_same_product_under_another_id(one: str, other: str, same: bool) -> None:
    duplicates = Duplicates(TITLES, IDENTIFIERS)
    assert duplicates.any(one, ["nothing known", other]) is same
    assert duplicates.any(other, [one]) is same


def test_copies_share_a_kind_and_a_product_without_any_has_none() -> None:
    kinds = Duplicates(TITLES, IDENTIFIERS).kinds()
    assert kinds.keys() == {"a", "b", "h"}  # "c" is nearly "a": only `any` compares letters
    assert len(set(kinds.values())) == 1


def test_those_of_an_index_are_read_from_it() -> None:
    with ExactEngine(name="duplicates") as engine:
        index = engine.create(Schema())
        writes = [
            upsert("a", "Black toner"),
            upsert("b", "toner black"),
            upsert("c", "x", identifiers=("4012345678901",)),
        ]
        assert all(result.ok for result in engine.write(writes, index=index))
        engine.refresh(index=index)
        engine.swap(index)
        duplicates = catalogue_duplicates(engine)
    assert duplicates.any("a", ["c", "b"])
    assert not duplicates.any("a", ["c"])
