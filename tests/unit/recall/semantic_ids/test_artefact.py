"""The file of semantic ids: what was written comes back, and whatever is damaged is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import IndexCorrupt, InvalidInput, NotFound
from multirecall.recall.array_file import write_arrays
from multirecall.recall.semantic_ids.artefact import open_semantic_ids, write_semantic_ids
from multirecall.recall.semantic_ids.identifiers import SemanticIds
from multirecall.recall.semantic_ids.quantiser import Affine, Codebook, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening

RANDOM = np.random.default_rng(3)
VECTORS = RANDOM.standard_normal((20, 6)).astype(np.float32)
BOOKS = [[RANDOM.standard_normal(shape).astype(np.float32) for shape in ((4, 3), (4,))] for _ in range(3)]
IDS = SemanticIds(
    quantiser=ResidualQuantiser(
        codebooks=tuple(Codebook.of(*one) for one in BOOKS),
        encoder=(
            Affine(weights=RANDOM.standard_normal((6, 3)).astype(np.float32), bias=np.zeros(3, dtype=np.float32)),
        ),
        categories={"Büro > Papier": 2},
    ),
    shortening=Shortening(heads=frozenset({1, 3}), settled=(17, 40)),
    encoder="0123456789abcdef",
)
PRODUCTS = tuple(f"p-{at}\nä" for at in range(20))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_semantic_ids(tmp_path / "ids", IDS, PRODUCTS, IDS.quantiser.codes(VECTORS), {"seed": 1})
    return tmp_path / "ids"


def test_what_was_written_comes_back(file: Path) -> None:
    held = open_semantic_ids(file)
    assert held.products == PRODUCTS
    np.testing.assert_array_equal(held.codes, IDS.quantiser.codes(VECTORS))
    assert held.assigning.ids(VECTORS, ["Büro > Papier"] * 20) == IDS.ids(VECTORS, ["Büro > Papier"] * 20)
    assert (held.assigning.shortening, held.assigning.encoder) == (IDS.shortening, IDS.encoder)
    assert held.card == {"seed": 1}
    again = write_semantic_ids(file, IDS, PRODUCTS, held.codes, {"seed": 1})
    assert again == held.fingerprint
    other = held.codes.copy()
    other[0, 0] = (other[0, 0] + 1) % 4
    assert write_semantic_ids(file, IDS, PRODUCTS, other, {"seed": 1}) != held.fingerprint


def test_a_changed_bit_a_short_file_and_a_missing_one_are_refused(file: Path) -> None:
    content = file.read_bytes()
    for at in range(8, len(content), len(content) // 20):
        if content[at] == ord(" "):
            continue  # a space of the header says nothing
        changed = bytearray(content)
        changed[at] ^= 1
        file.write_bytes(bytes(changed))
        with pytest.raises(IndexCorrupt):
            open_semantic_ids(file)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(IndexCorrupt):
        open_semantic_ids(file)
    file.unlink()
    with pytest.raises(NotFound):
        open_semantic_ids(file)


def test_what_does_not_fit_is_refused(file: Path) -> None:
    with pytest.raises(InvalidInput):
        write_semantic_ids(file, IDS, PRODUCTS[1:], IDS.quantiser.codes(VECTORS), {})
    write_arrays(file, {}, {"kind": "semantic ids", "version": 1, "layers": 1, "maps": 0})
    with pytest.raises(IndexCorrupt, match="centroids"):
        open_semantic_ids(file)
