"""The beam is exact when it holds all nodes; the file comes back; what is damaged is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import IndexCorrupt, InvalidInput
from multirecall.recall.array_file import write_arrays
from multirecall.recall.xmc.artefact import open_tree, write_tree
from multirecall.recall.xmc.grams import Grams, columns_of, learned_grams
from multirecall.recall.xmc.tree import TreeLevel, XmcTree

SIZE = 512
TEXTS = ("red desk lamp", "office chair", "laser printer", "phone case", "blue network cable", "Café crème")


def _level(first: list[int], random: np.random.Generator) -> TreeLevel:
    n, per = first[-1], 200
    columns = [np.sort(random.choice(SIZE, per, replace=False)) for _ in range(n)]
    return TreeLevel(
        first=np.array(first, dtype=np.int64),
        starts=np.arange(0, (n + 1) * per, per, dtype=np.int64),
        columns=np.concatenate(columns).astype(np.uint32),
        weights=random.standard_normal(n * per).astype(np.float32),
        bias=random.standard_normal(n).astype(np.float32),
    )


@pytest.fixture(scope="module")
def tree() -> XmcTree:
    random = np.random.default_rng(5)
    grams = learned_grams((columns_of(text, "english", SIZE) for text in TEXTS), language="english", size=SIZE)
    levels = (_level([0, 3], random), _level([0, 4, 6, 11], random))
    return XmcTree(grams=grams, levels=levels, products=tuple(f"p{at}" for at in range(11)))


def _scores(tree: XmcTree, text: str) -> dict[str, float]:
    """By the definition: all paths, dense."""
    row = tree.grams.row(text)
    query = np.zeros(SIZE)
    query[row.columns] = row.values
    reached = np.zeros(1)
    for level in tree.levels:
        margins = []
        for child in range(len(level.bias)):
            part = slice(int(level.starts[child]), int(level.starts[child + 1]))
            margins.append(float(level.weights[part] @ query[level.columns[part]] + level.bias[child]))
        parents = np.repeat(reached, np.diff(level.first))
        reached = parents - np.maximum(0.0, 1.0 - np.array(margins)) ** 3
    return dict(zip(tree.products, np.exp(reached).tolist(), strict=True))


@pytest.mark.parametrize("text", TEXTS)
def test_a_beam_of_all_nodes_is_exact(tree: XmcTree, text: str) -> None:
    wanted = _scores(tree, text)
    found = tree.best(text, 11, beam=3)
    assert dict(zip(found.products, found.scores, strict=True)) == pytest.approx(wanted, rel=1e-3)
    assert list(found.scores) == sorted(found.scores, reverse=True)
    narrow = tree.best(text, 4, beam=1)
    assert len(narrow.products) <= 4
    assert all(wanted[one] == pytest.approx(score, rel=1e-3) for one, score in zip(*narrow, strict=True))


def test_texts_without_a_known_gram_name_nothing(tree: XmcTree) -> None:
    assert tree.best("", 5).products == ()
    assert tree.best("?!", 5).products == ()
    empty = Grams(language="english", weights=np.zeros(SIZE, dtype=np.float32))
    assert XmcTree(grams=empty, levels=tree.levels, products=tree.products).best("lamp", 5).scores == ()


def test_grams_are_words_pairs_and_pieces_and_rare_ones_weigh_more(tree: XmcTree) -> None:
    assert set(columns_of("lamps", "english", SIZE)) & set(columns_of("lamp", "english", SIZE))
    apart, together = columns_of("desk", "english", SIZE), columns_of("desk lamp", "english", SIZE)
    assert len(together) > len(set(apart) | set(columns_of("lamp", "english", SIZE)))
    row = tree.grams.row("café red")
    assert float(row.values @ row.values) == pytest.approx(1.0, abs=1e-6)
    grams = learned_grams([np.array([1, 2]), np.array([2])], language="none", size=4)  # type: ignore[list-item]
    np.testing.assert_allclose(grams.weights, [0.0, np.log(3.0), np.log(2.0), 0.0], rtol=1e-6)


def test_the_file_comes_back_and_damage_is_refused(tree: XmcTree, tmp_path: Path) -> None:
    file = tmp_path / "tree"
    written = write_tree(file, tree, {"seed": 1})
    held = open_tree(file)
    assert held.fingerprint == written.fingerprint != ""
    for text in TEXTS:
        assert held.best(text, 11) == tree.best(text, 11)
    content = file.read_bytes()
    file.write_bytes(content[:-3] + b"abc")
    with pytest.raises(IndexCorrupt):
        open_tree(file)
    write_arrays(file, {}, {"kind": "xmc tree", "version": 1, "levels": 1, "language": "english"})
    with pytest.raises(IndexCorrupt, match="cannot be used"):
        open_tree(file)


def test_levels_that_do_not_fit_are_refused(tree: XmcTree) -> None:
    with pytest.raises(InvalidInput, match="levels"):
        XmcTree(grams=tree.grams, levels=tree.levels[1:], products=tree.products)
    with pytest.raises(InvalidInput, match="leaves"):
        XmcTree(grams=tree.grams, levels=tree.levels, products=tree.products[:-1])
