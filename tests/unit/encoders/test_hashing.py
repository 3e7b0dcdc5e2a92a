import numpy as np
import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.encoders.hashing import HashingEncoder


def cosines(encoder: HashingEncoder, query: str, *texts: str) -> list[float]:
    return (encoder.encode_products(texts) @ encoder.encode_queries([query])[0]).tolist()


def test_rows_are_the_same_on_every_machine_and_in_every_process() -> None:
    row = HashingEncoder(dim=8).encode_queries(["usb"])[0]
    # The word and its trigrams <us, usb, sb>: blake2b gives each its component and sign.
    expected = np.zeros(8)
    for feature, weight in (("w:usb", 1.0), ("g:<us", 0.5), ("g:usb", 0.5), ("g:sb>", 0.5)):
        from hashlib import blake2b

        number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "little")
        expected[(number // 2) % 8] += weight if number % 2 else -weight
    np.testing.assert_allclose(row, expected / np.linalg.norm(expected), atol=1e-7)


def test_texts_that_share_words_or_word_parts_are_nearer() -> None:
    same, part, other = cosines(HashingEncoder(), "laser printer", "printer laser", "laserprinters", "kitchen towel")
    assert same == pytest.approx(1.0, abs=1e-6)
    assert same > part > other + 0.2


def test_case_accents_and_width_do_not_matter() -> None:
    (same,) = cosines(HashingEncoder(), "Café ＨＰ Straße", "CAFE hp strasse")
    assert same == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("text", ["", "   ", "!?…", "\0"])
def test_a_text_without_a_word_gives_zeros(text: str) -> None:
    np.testing.assert_array_equal(HashingEncoder(dim=16).encode_products([text]), np.zeros((1, 16)))


def test_the_spec_leaves_the_default_out() -> None:
    assert HashingEncoder().spec == "hashing"
    assert HashingEncoder(dim=64).spec == "hashing?dim=64"


def test_dims_have_fingerprints_of_their_own() -> None:
    assert HashingEncoder(dim=64).fingerprint != HashingEncoder(dim=65).fingerprint


def test_too_few_dims_are_refused() -> None:
    with pytest.raises(InvalidSettings, match="8 or more, got 7"):
        HashingEncoder(dim=7)
