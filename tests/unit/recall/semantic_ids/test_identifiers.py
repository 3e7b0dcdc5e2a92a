"""Assigning ids: by nearest centroids, as in training, whatever was left out; ids as text and back."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.recall.semantic_ids.identifiers import SemanticIds, Token, identifier, tokens_of
from multirecall.recall.semantic_ids.quantiser import Affine, Codebook, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening, code_keys

COARSE = np.array([[0, 0], [10, 0]], dtype=np.float32)
FINE = np.array([[-1, 0], [1, 0], [0, 1]], dtype=np.float32)
FULL = Shortening()


def _ids(shortening: Shortening = FULL, **kwargs: object) -> SemanticIds:
    books = (Codebook.of(COARSE), Codebook.of(FINE))
    return SemanticIds(quantiser=ResidualQuantiser(codebooks=books, **kwargs), shortening=shortening, encoder="e")  # type: ignore[arg-type]


def test_codes_by_hand() -> None:
    vectors = np.array([[0.9, 0], [9.2, 0], [10, 1.2], [5, 0]], dtype=np.float32)
    ids = _ids()
    np.testing.assert_array_equal(ids.codes(vectors), [[0, 1], [1, 0], [1, 2], [0, 1]])  # (5, 0): the lower code
    assert ids.ids(vectors) == ["<a_0><b_1>", "<a_1><b_0>", "<a_1><b_2>", "<a_0><b_1>"]
    assert ids.vocabulary == ("<a_0>", "<a_1>", "<b_0>", "<b_1>", "<b_2>")
    assert ids.quantiser.error(vectors[:2], ids.codes(vectors[:2])) == pytest.approx((0.1**2 + 0.2**2) / 2, rel=1e-5)
    assert ids.codes(np.empty((0, 2), dtype=np.float32)).shape == (0, 2)


def test_left_out_tokens_and_prices() -> None:
    vectors = np.array([[0.9, 0], [9.2, 0], [10, 1.2]], dtype=np.float32)
    assert _ids(Shortening(heads=frozenset({1, 2}))).ids(vectors) == ["<a_0>", "<a_1><b_0>", "<a_1>"]
    key = int(code_keys(np.array([[1, 0]], dtype=np.int32), (2, 3))[0])
    assert _ids(Shortening(settled=(key,))).ids(vectors) == ["<a_0><b_1>", "<a_1>", "<a_1><b_2>"]
    dear = Codebook.of(COARSE, np.array([0, 90], dtype=np.float32))
    np.testing.assert_array_equal(dear.nearest(vectors), [0, 0, 1])  # 84.64 against 0.64 + 90; 101.44 against 91.44


def test_maps_and_categories() -> None:
    swap = Affine(weights=np.array([[0, 1], [1, 0]], dtype=np.float32), bias=np.zeros(2, dtype=np.float32))
    vectors = np.array([[9, 0], [0, 9]], dtype=np.float32)
    np.testing.assert_array_equal(_ids(encoder=(swap,)).codes(vectors)[:, 0], [0, 1])
    back = Affine(weights=-swap.weights, bias=np.array([9, 0], dtype=np.float32))
    found = _ids(encoder=(swap, back)).quantiser.encoded(np.array([[-5, 4]], dtype=np.float32))
    np.testing.assert_array_equal(found, [[9, -4]])  # swapped (4, -5), cut to (4, 0), turned to (0, -4), moved by 9
    guided = _ids(categories={"cables": 1})
    np.testing.assert_array_equal(guided.codes(vectors * 0, ["cables", "paper"])[:, 0], [1, 0])


def test_ids_are_read_back_and_others_refused() -> None:
    assert identifier((4, -1, 12)) == "<a_4><c_12>"
    assert tokens_of("<a_4><c_12>") == (Token(0, 4), Token(2, 12))
    for wrong in ("", "<a_4>x", "<b_1><a_1>", "<a_1><a_2>", "<a_01>", "<A_1>"):
        with pytest.raises(InvalidInput):
            tokens_of(wrong)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="shape"):
        _ids().codes(np.zeros((1, 3), dtype=np.float32))
    with pytest.raises(InvalidInput, match="finite"):
        _ids().codes(np.full((1, 2), np.nan, dtype=np.float32))
    with pytest.raises(InvalidInput, match="widths"):
        ResidualQuantiser(codebooks=(Codebook.of(COARSE), Codebook.of(np.zeros((2, 3), dtype=np.float32))))
    with pytest.raises(InvalidInput, match="widths"):
        ResidualQuantiser(codebooks=())
    with pytest.raises(InvalidInput, match="paper"):
        _ids(categories={"paper": 2})
    with pytest.raises(InvalidInput, match="one category"):
        _ids(categories={"paper": 1}).codes(np.zeros((2, 2), dtype=np.float32), ["paper"])
    with pytest.raises(InvalidInput, match="layer 2"):
        Shortening(layer=2, heads=frozenset({0})).shorten(np.zeros((1, 2), dtype=np.int32), (2, 3))
    with pytest.raises(InvalidInput, match="too many"):
        code_keys(np.zeros((1, 5), dtype=np.int32), (65_536,) * 5)
