"""The encoder contract: one suite that every Encoder passes. A new encoder subclasses it and names its spec."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.encoders.opening import open_encoder
from tests.support.tricky_texts import TRICKY_TEXTS

__all__ = ["EncoderContract"]

ROUNDING = 1e-5
Encode = Callable[[list[str]], Float32Array]
PRODUCTS = [
    "HP LaserJet 1020 toner cartridge black",
    "Logitech wireless mouse with USB receiver, 2.4 GHz",
    "Kitchen towel, cotton, striped",
    "15.6 inch notebook bag",
    "USB-C cable 2 m",
]


class EncoderContract:
    """`spec` opens the encoder under test; `nonzero_empty` says that the empty text has tokens of its own."""

    spec: str
    nonzero_empty = False

    @pytest.fixture(scope="class")
    @classmethod
    def cache_dir(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("encoders")

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, cache_dir: Path) -> Iterator[Encoder]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about itself when it is imported
            yield open_encoder(cls.spec, cache_dir=cache_dir, threads=2)

    @pytest.fixture(params=["queries", "products"])
    def encode(self, request: pytest.FixtureRequest, encoder: Encoder) -> Encode:
        return encoder.encode_queries if request.param == "queries" else encoder.encode_products

    def test_is_an_encoder_that_describes_itself(self, encoder: Encoder) -> None:
        assert isinstance(encoder, Encoder)
        assert re.fullmatch("[0-9a-f]{16}", encoder.fingerprint)
        assert encoder.name
        assert encoder.dim > 0
        assert encoder.max_tokens >= 0

    def test_its_spec_opens_the_same_encoder_again(self, encoder: Encoder, cache_dir: Path) -> None:
        again = open_encoder(encoder.spec, cache_dir=cache_dir, threads=1)
        assert (again.spec, again.name, again.dim) == (encoder.spec, encoder.name, encoder.dim)
        assert (again.fingerprint, again.max_tokens) == (encoder.fingerprint, encoder.max_tokens)
        np.testing.assert_allclose(again.encode_products(PRODUCTS), encoder.encode_products(PRODUCTS), atol=ROUNDING)

    def test_no_texts_give_no_rows(self, encoder: Encoder, encode: Encode) -> None:
        rows = encode([])
        assert rows.shape == (0, encoder.dim)
        assert rows.dtype == np.float32

    def test_rows_have_length_1_in_float32(self, encoder: Encoder, encode: Encode) -> None:
        rows = encode(PRODUCTS)
        assert rows.shape == (len(PRODUCTS), encoder.dim)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=ROUNDING)

    def test_any_sequence_of_texts_is_taken_and_left_as_it_was(self, encoder: Encoder) -> None:
        texts = ["lone \ud800", *PRODUCTS]
        before = list(texts)
        np.testing.assert_array_equal(encoder.encode_products(tuple(texts)), encoder.encode_products(texts))
        assert texts == before

    def test_rows_may_be_written_to(self, encode: Encode) -> None:
        rows = encode(PRODUCTS)
        rows[0] = 0.0
        assert np.linalg.norm(encode(PRODUCTS)[0]) == pytest.approx(1.0, abs=ROUNDING)

    def test_the_empty_text_gives_a_row(self, encode: Encode) -> None:
        length = float(np.linalg.norm(encode([""])[0]))
        assert length == pytest.approx(1.0 if self.nonzero_empty else 0.0, abs=ROUNDING)

    @pytest.mark.parametrize("at", range(len(TRICKY_TEXTS)))
    def test_a_tricky_text_gives_a_finite_row_of_length_1_or_0(self, encode: Encode, at: int) -> None:
        rows = encode([TRICKY_TEXTS[at]])
        assert np.isfinite(rows).all()
        length = float(np.linalg.norm(rows[0]))
        assert length == pytest.approx(1.0, abs=ROUNDING) or length == 0.0

    def test_the_same_text_gives_the_same_row(self, encode: Encode) -> None:
        np.testing.assert_array_equal(encode(PRODUCTS), encode(PRODUCTS))

    def test_a_row_does_not_depend_on_its_neighbours_or_its_place(self, encode: Encode) -> None:
        together = encode([*PRODUCTS, *TRICKY_TEXTS])
        backwards = encode([*TRICKY_TEXTS[::-1], *PRODUCTS[::-1]])[::-1]
        np.testing.assert_allclose(together, backwards, atol=ROUNDING)
        alone = np.concatenate([encode([text]) for text in PRODUCTS])
        np.testing.assert_allclose(together[: len(PRODUCTS)], alone, atol=ROUNDING)

    def test_text_beyond_the_limit_changes_nothing(self, encoder: Encoder) -> None:
        long = "toner " * (encoder.max_tokens + 1)
        first, second = encoder.encode_products([long + "laser", long + "kitchen towel"])
        if encoder.max_tokens:
            np.testing.assert_allclose(first, second, atol=ROUNDING)
        else:
            assert np.abs(first - second).max() > 0

    def test_a_product_is_nearer_to_its_query_than_others(self, encoder: Encoder) -> None:
        queries = encoder.encode_queries(["hp toner cartridge", "wireless mouse", "kitchen towel"])
        products = encoder.encode_products(PRODUCTS)
        assert (queries @ products.T).argmax(axis=1).tolist() == [0, 1, 2]

    def test_threads_get_their_own_answers(self, encoder: Encoder) -> None:
        expected = {at: encoder.encode_products(PRODUCTS[at:]) for at in range(len(PRODUCTS))}
        found: dict[int, Float32Array] = {}

        def work(at: int) -> None:
            found[at] = encoder.encode_products(PRODUCTS[at:])

        threads = [threading.Thread(target=work, args=(at,)) for at in expected]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for at, rows in expected.items():
            np.testing.assert_allclose(found[at], rows, atol=ROUNDING)

    def test_one_text_in_place_of_a_list_is_refused(self, encode: Encode) -> None:
        with pytest.raises(InvalidInput, match="list of texts"):
            encode("laser")  # type: ignore[arg-type]

    def test_what_is_no_text_is_refused(self, encode: Encode) -> None:
        with pytest.raises(InvalidInput, match="Text 1 is NoneType"):
            encode(["laser", None])  # type: ignore[list-item]
