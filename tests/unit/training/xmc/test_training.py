"""The tree: its classifiers are liblinear's, its shape is a partition, and on a tiny shop it finds what it was told."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from multirecall.core.errors import InvalidInput
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.tuning.sampling import SampledProduct
from multirecall.training.xmc.classifiers import fit_children
from multirecall.training.xmc.clustering import grouped, product_vectors
from multirecall.training.xmc.instances import collect
from multirecall.training.xmc.pairs import catalogue_pairs, judged_pairs
from multirecall.training.xmc.training import XmcTraining

KINDS = ("desk lamp", "office chair", "laser printer", "phone case", "ink cartridge", "network cable")
COLOURS = ("black", "white", "red", "green", "blue")
SHOP = [
    SampledProduct(
        id=f"{kind[0]}{at}-{colour}", title=f"Acme {kind.title()} X{at}7{place} {colour}", brand="Acme", leaf=kind,
        values=(colour,), identifiers=(f"X{at}7{place}",),
    )
    for at, kind in enumerate(KINDS)
    for place, colour in enumerate(COLOURS)
]  # fmt: skip
TRAINING = XmcTraining(branches=3, leaf=4, columns=1 << 12)


def test_classifiers_are_those_of_liblinear() -> None:
    random = np.random.default_rng(1)
    dense = random.standard_normal((40, 6)).astype(np.float32)
    side = dense @ random.standard_normal(6) + 0.3 > 0
    starts = np.arange(0, 241, 6)
    columns = np.tile(np.arange(6), 40)
    found = fit_children(
        starts, columns, dense.ravel(), 6, np.array([0, side.sum()]), np.flatnonzero(side), 0.5, 1.0, 2000
    )[0]
    oracle = LinearSVC(C=0.5, tol=1e-8, max_iter=100_000, random_state=0).fit(dense, side)
    # ours stops when nothing moves by a tenth of a margin; the loss is what counts
    signs = np.where(side, 1.0, -1.0)

    def loss(weights: np.ndarray, bias: float) -> float:
        short = np.maximum(0.0, 1.0 - signs * (dense @ weights + bias))
        return float(0.5 * (weights @ weights + bias**2) + 0.5 * (short**2).sum())

    best = loss(oracle.coef_[0], float(oracle.intercept_[0]))
    assert best <= loss(found[:-1], float(found[-1])) <= 1.01 * best


def test_equal_texts_are_one_example_with_all_their_products() -> None:
    pairs = [("Red lamp", "b"), ("red  LAMP", "a"), ("chair", "a"), ("!!", "c"), ("chair", "a")]
    held = collect(pairs, language="english", columns=1 << 10)
    assert (len(held), held.products) == (2, ("a", "b"))
    assert sorted(zip(held.row.tolist(), held.product.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0)]
    for row in range(2):
        values = held.values[held.starts[row] : held.starts[row + 1]]
        assert float(values @ values) == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(InvalidInput):
        collect([("?", "a")], language="english")


def test_groups_are_nested_and_about_as_large_as_wanted() -> None:
    held = collect(catalogue_pairs(SHOP), language="english", columns=1 << 12)
    vectors = product_vectors(held, dim=32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    levels = grouped(vectors, branches=3, leaf=4)
    assert len(levels) == 2
    for above, below in itertools.pairwise(levels):
        for group in range(int(below.max()) + 1):
            assert len(set(above[below == group].tolist())) == 1
        firsts = [int(below[above == parent].min()) for parent in range(int(above.max()) + 1)]
        assert firsts == sorted(firsts)  # children of one parent follow each other
    assert np.bincount(levels[-1]).max() <= 2 * 4
    assert grouped(vectors[:4], leaf=4) == []


def test_a_tiny_shop_is_found_by_kind_colour_number_and_slip() -> None:
    tree = TRAINING.fit(catalogue_pairs(SHOP), language="english")
    assert set(tree.products) == {one.id for one in SHOP}
    assert set(tree.best("desk lamp", 5).products) == {one.id for one in SHOP if one.leaf == "desk lamp"}
    assert tree.best("red office chair", 1).products == ("o1-red",)
    assert tree.best("X374", 1).products == ("p3-blue",)
    assert set(tree.best("laser prnter", 3).products) <= {one.id for one in SHOP if one.leaf == "laser printer"}
    again = TRAINING.fit(catalogue_pairs(SHOP), language="english")
    assert again.best("white cable", 30) == tree.best("white cable", 30)


def test_judged_queries_teach_words_that_no_product_has() -> None:
    products = ("l2-red", "l2-blue", "d0-red")
    groups = [GradedGroup(query="something to print on paper", qid="1", products=products, grades=(3, 2, 1))]
    judged = list(judged_pairs(groups))
    assert judged == [("something to print on paper", "l2-red"), ("something to print on paper", "l2-blue")]
    told: list[tuple[int, int]] = []
    tree = TRAINING.fit(
        [*catalogue_pairs(SHOP), *judged], language="english", advance=lambda done, total: told.append((done, total))
    )
    assert set(tree.best("something to print", 2).products) == {"l2-red", "l2-blue"}
    assert told[-1][0] == told[-1][1] == len(told)


def test_words_beyond_the_title_are_learned() -> None:
    described = {"n5-red": ("shielded", "gigabit"), "l2-red": ("duplex",)}
    tree = TRAINING.fit(catalogue_pairs(SHOP, described=described), language="english")
    assert tree.best("gigabit cable", 1).products == ("n5-red",)
    assert tree.best("duplex printer", 1).products == ("l2-red",)


def test_one_leaf_is_enough_for_few_products_and_settings_are_checked() -> None:
    tree = TRAINING.fit([("lamp", "a"), ("chair", "b")], language="english")
    assert len(tree.levels) == 1
    assert tree.best("lamp", 1).products == ("a",)
    with pytest.raises(InvalidInput):
        XmcTraining(leaf=1)
