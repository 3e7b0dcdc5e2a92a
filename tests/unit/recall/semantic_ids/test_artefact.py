"""The folder of semantic ids: what was written comes back, and whatever is damaged is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.recall.semantic_ids.artefact import (
    CODEBOOKS_FILE,
    CODES_FILE,
    open_semantic_ids,
    write_semantic_ids,
)
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
PRODUCTS = tuple(f"p-{at}\tä" for at in range(20))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_semantic_ids(tmp_path / "ids", IDS, PRODUCTS, IDS.quantiser.codes(VECTORS), {"seed": 1})
    return tmp_path / "ids"


def test_what_was_written_comes_back(folder: Path) -> None:
    held = open_semantic_ids(folder)
    assert held.products == PRODUCTS
    np.testing.assert_array_equal(held.codes, IDS.quantiser.codes(VECTORS))
    assert held.assigning.ids(VECTORS, ["Büro > Papier"] * 20) == IDS.ids(VECTORS, ["Büro > Papier"] * 20)
    assert (held.assigning.shortening, held.assigning.encoder) == (IDS.shortening, IDS.encoder)
    assert held.card == {"seed": 1}
    again = write_semantic_ids(folder, IDS, PRODUCTS, held.codes, {"seed": 2})
    assert again == held.fingerprint
    other = held.codes.copy()
    other[0, 0] = (other[0, 0] + 1) % 4
    assert write_semantic_ids(folder, IDS, PRODUCTS, other, {"seed": 1}) != held.fingerprint


@pytest.mark.parametrize("name", [CODEBOOKS_FILE, CODES_FILE, "card.json"])
def test_a_changed_bit_a_short_file_and_a_missing_one_are_refused(folder: Path, name: str) -> None:
    file = folder / name
    content = file.read_bytes()
    for at in range(0, len(content) - 1, max(1, len(content) // 12)):
        changed = bytearray(content)
        changed[at] ^= 1
        file.write_bytes(bytes(changed))
        if name == "card.json" and b'"card"' in content[:at]:
            continue  # what the card says beside does not change an id
        with pytest.raises(InvalidSettings, match="no semantic ids"):
            open_semantic_ids(folder)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidSettings, match=name):
        open_semantic_ids(folder)
    file.unlink()
    with pytest.raises(InvalidSettings, match=name):
        open_semantic_ids(folder)


def test_another_format_and_codes_that_do_not_fit_are_refused(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "format": 9}))
    with pytest.raises(InvalidSettings, match="format"):
        open_semantic_ids(folder)
    with pytest.raises(InvalidInput):
        write_semantic_ids(folder, IDS, PRODUCTS[1:], IDS.quantiser.codes(VECTORS), {})
