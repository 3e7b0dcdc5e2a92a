"""The annotator of trees, on a small generated shop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import read_judgments
from multirecall.training.graded.annotating import agreement, pairs_of
from multirecall.training.graded.evidence import Evidence, open_evidence
from multirecall.training.graded.groups import GradedGroup, graded_groups
from multirecall.training.graded.splits import bed_queries, by_split_column
from multirecall.training.graded.trees import learn_trees
from multirecall.wiring.searchers import opened_searcher
from tests.support.judged_shop import judged_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Evidence, dict[str, list[GradedGroup]]]]:
    folder: Path = tmp_path_factory.mktemp("graded") / "shop"
    settings = judged_shop(folder, queries=50, products=200)
    data = graded_groups(bed_queries(folder), read_judgments(folder / "judgments.tsv"))
    with opened_searcher(settings, fusion="weighted_sum", candidates=20, routes="lexical,dense") as opened:
        evidence = open_evidence(opened.searcher, opened.engine, opened.index)
        yield evidence, by_split_column(data.groups)


def test_a_product_has_the_same_words_and_cosine_whether_a_route_found_it_or_not(
    shop: tuple[Evidence, dict[str, list[GradedGroup]]],
) -> None:
    evidence, parts = shop
    group = next(one for one in parts["train"] if len(one) > 25)
    rows = evidence.of(group.query, [*group.products, "gone"])
    assert rows.shape == (len(group) + 1, len(evidence.names))
    assert np.isnan(rows[-1]).all()
    assert not np.isnan(rows[:-1]).all(axis=1).any()
    at = evidence.names.index("dense.score")
    wider = [product for product, row in zip(group.products, rows, strict=False) if row[at] < np.nanmedian(rows[:, at])]
    again = evidence.of(group.query, wider)
    before = rows[[group.products.index(one) for one in wider]]
    for name in ("dense.score", "title.coverage", "text.idf_coverage", "category.coverage"):
        column = evidence.names.index(name)
        assert again[:, column] == pytest.approx(before[:, column], abs=1e-3, nan_ok=True)


def test_it_learns_to_grade_queries_that_it_never_saw(shop: tuple[Evidence, dict[str, list[GradedGroup]]]) -> None:
    evidence, parts = shop
    annotator = learn_trees(parts["train"], evidence, n_levels=4, rounds=30)
    pairs, levels = pairs_of([*parts["dev"], *parts["test"]])
    probabilities = annotator.grade(pairs)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(pairs)))
    learned = agreement(levels, probabilities.argmax(axis=1).tolist(), n_levels=4)
    random = np.random.default_rng(0)
    blind = learn_trees(
        [replace(one, grades=tuple(random.permutation(one.grades).tolist())) for one in parts["train"]],
        evidence,
        n_levels=4,
        rounds=30,
    )
    control = agreement(levels, blind.grade(pairs).argmax(axis=1).tolist(), n_levels=4)
    assert learned.kappa > control.kappa + 0.2
    assert annotator.fingerprint != blind.fingerprint
    assert np.isnan(annotator.grade([("desk", "gone"), ("???", pairs[0][1])])).all()


def test_too_little_to_learn_from_is_refused(shop: tuple[Evidence, dict[str, list[GradedGroup]]]) -> None:
    evidence, parts = shop
    with pytest.raises(InvalidInput, match="100 judged pairs or more of two levels"):
        learn_trees(parts["train"][:1], evidence, n_levels=4)
    unknown = replace(parts["train"][0], products=tuple(f"gone {at}" for at in range(200)), grades=(3, 0) * 100)
    with pytest.raises(InvalidInput, match="got 0 pairs"):
        learn_trees([unknown], evidence, n_levels=4)
