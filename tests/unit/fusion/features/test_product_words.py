"""Reading a product's words once must never show: kept, forgotten or read by two threads, the features are the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.match_text import MatchText
from multirecall.fusion.features import product_words
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.incidence import Words
from multirecall.fusion.features.product_words import ProductWords
from tests.support.pools import TERMS, pool, product, ranking

SET = FeatureSet(routes=("dense", "lexical"))
VOCABULARY = ("toner", "tonr", "black", "hp", "printer", "4250", "4250dn", "ink")


def matrix(text: str, seed: int, words: ProductWords | None = None) -> np.ndarray:
    """Of forty products made of few words: the same ones for the same seed."""
    random = np.random.default_rng(seed)
    products = {
        f"p{at:02d}": product(
            " ".join(random.choice(VOCABULARY, random.integers(0, 6))),
            brand=str(random.choice(["", "hp", "ink ltd"])),
            attributes=sorted(set(random.choice(["colour", "yield", "speed"], 2))),
            codes=[*dict.fromkeys(random.choice(["4250", "4251", "lj4250", "19.5"], 2).tolist())],
            other=" ".join({*random.choice(VOCABULARY, 3).tolist()}),
            price_minor=int(random.integers(1, 9)),
        )
        for at in range(40)
    }
    scores = dict(zip(products, random.random(40).tolist(), strict=True))
    rankings = [ranking("lexical", scores, products), ranking("dense", dict([*scores.items()][:20]), products)]
    return SET.matrix(pool(text, rankings, codes=("4250", "425"), words=words))


def test_a_product_that_was_read_before_gives_the_same_features() -> None:
    words = ProductWords(TERMS)
    for text in ("hp toner 4250", "tonr", "hp toner 4250"):
        for seed in (1, 2):
            np.testing.assert_allclose(matrix(text, seed, words), matrix(text, seed), atol=1e-12)


@pytest.mark.parametrize("kept_bytes", [0, 3_000, 40_000])
def test_what_does_not_fit_is_forgotten_and_read_again(kept_bytes: int) -> None:
    words = ProductWords(TERMS, kept_bytes=kept_bytes)
    for seed in (1, 2, 1, 3, 1):
        np.testing.assert_allclose(matrix("hp toner 4250", seed, words), matrix("hp toner 4250", seed), atol=1e-12)
        assert words.used_bytes <= kept_bytes


def test_too_many_words_begin_a_new_lexicon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_words, "MAX_WORDS", 3)
    words = ProductWords(TERMS)
    _, first = words.read(["p"], [MatchText(title=("a", "b", "c", "d")).to_text()])
    read, second = words.read(["p"], [MatchText(title=("d",), other=("e",)).to_text()])
    assert second is not first
    assert [*second.title_words] == ["d"]
    assert np.frombuffer(read[0].words, dtype=np.int32).tolist() == [0, 1, 1, 0, 0, 1, *[0], *[0], *[0]]


def test_a_changed_product_is_read_again_and_stays_one_product() -> None:
    words = ProductWords(TERMS)
    texts = [MatchText(title=("toner", shade)).to_text() for shade in ("black", "cyan", "black")]
    runs, used = [], []
    for text in texts:
        read, _ = words.read(["p"], [text])
        runs.append(read[0].title_run)
        used.append(words.used_bytes)
    assert runs == ["tonerblack", "tonercyan", "tonerblack"]
    assert used[2] == used[0]


def test_threads_share_what_is_read() -> None:
    words = ProductWords(TERMS, kept_bytes=60_000)
    jobs = [(text, seed) for seed in range(6) for text in ("hp toner 4250", "tonr black", "ink")]
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda job: matrix(*job, words), jobs)]
    for job, one in zip(jobs, found, strict=True):
        np.testing.assert_allclose(one, matrix(*job), atol=1e-12)


def test_bad_input_is_refused_and_nothing_is_lost() -> None:
    words = ProductWords(TERMS)
    with pytest.raises(InvalidInput):
        words.read(["p", "q"], ["toner\thp\t\t\tblack", "no match text"])
    read, lexicon = words.read(["p"], ["toner\thp\t\t\tblack"])
    assert read[0].title_run == "toner"
    assert lexicon.idf[lexicon.title_words["hp"]] == pytest.approx(TERMS.idf(["hp"])[0])
    with pytest.raises(InvalidSettings):
        ProductWords(TERMS, kept_bytes=-1)


def test_likeness_against_a_dense_matrix() -> None:
    random = np.random.default_rng(5)
    dense = random.random((30, 12)) < 0.3
    dense[[0, 7, 29]] = False  # rows without a word, at both ends too
    ends = dense.sum(axis=1).cumsum().astype(np.int32)
    words = Words(np.nonzero(dense)[1].astype(np.int32), ends - dense.sum(axis=1, dtype=np.int32), ends, 12)
    of_words, of_rows = random.random(12), random.random(30)
    of_rows[::3] = 0.0
    of_rows /= of_rows.sum()
    rows = dense * of_words
    mean = of_rows @ rows
    others = mean - of_rows[:, None] * rows  # each row left out of the mean, which keeps its length
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(mean) * (1.0 - of_rows)
    expected = np.divide((rows * others).sum(axis=1), norms, out=np.full(30, np.nan), where=norms > 0.0)
    first, squares = np.flatnonzero(of_rows), (rows**2).sum(axis=1)
    np.testing.assert_allclose(words.likeness(first, of_rows[first], of_words, squares), expected, atol=1e-12)
    wordless = np.array([0, 7])
    assert np.isnan(words.likeness(wordless, np.array([0.6, 0.4]), of_words, squares)).all()
