"""Learning on pools with a known truth: what there is to learn is learned, and nothing where there is nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.evaluation.measures import NDCG
from multirecall.fusion.blender import Blender
from multirecall.fusion.blender_model import CARD_FILE, MODEL_FILES, TREES_FILE, BlenderModel
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.training.blender.baselines import tuned_weighted_sum
from multirecall.training.blender.collecting import JudgedPool
from multirecall.training.blender.cross_validation import cross_validate, score
from multirecall.training.blender.examples import Featuriser
from multirecall.training.blender.folds import deal, split_off
from multirecall.training.blender.growing import Growing
from multirecall.training.blender.learning import most_trees_that_do_not_hurt
from multirecall.training.blender.storing import save_blender
from multirecall.training.blender.training import TrainedBlender, train_blender
from multirecall.wiring.blenders import fusion_for, load_blender
from tests.support.pools import TERMS, learnable_pools

QUICK = Growing(rounds=60, patience=20, least_rows=10, leaves=7)
SET = FeatureSet(routes=("dense", "lexical"))
FEATURISER = Featuriser(features=SET, analyse=str.split, terms=TERMS)


def train(pools: list[JudgedPool], growing: Growing = QUICK) -> TrainedBlender:
    return train_blender(pools, analyse=str.split, language="none", terms=TERMS, growing=growing, n_folds=3)


@pytest.fixture(scope="module")
def pools() -> list[JudgedPool]:
    return learnable_pools(36, seed=1)


@pytest.fixture(scope="module")
def trained(pools: list[JudgedPool]) -> TrainedBlender:
    return train(pools)


def test_a_blender_beats_every_route_and_fixed_fusion_where_there_is_something_to_learn(
    trained: TrainedBlender,
) -> None:
    report = trained.report
    assert set(report.systems) == {"dense", "lexical", "RRF", "WeightedSum", "WeightedSum tuned", "blender"}
    blender = report.overall.figure("blender", "nDCG@10").mean
    others = {name: report.overall.figure(name, "nDCG@10").mean for name in report.systems if name != "blender"}
    assert blender is not None
    assert all(mean is not None and blender > mean for mean in others.values()), (blender, others)
    comparison = report.overall.comparison("blender", "nDCG@10")
    assert comparison is not None
    assert comparison.significant


def test_with_shuffled_grades_there_is_no_gain() -> None:
    report = train(learnable_pools(36, seed=2, shuffled=True)).report
    comparison = report.overall.comparison("blender", "nDCG@10")
    assert comparison is not None
    assert comparison.ci.low < 0.0 < comparison.ci.high or comparison.difference < 0.0


def test_no_query_is_in_training_and_test(pools: list[JudgedPool]) -> None:
    folds = deal(pools, 3, seed=5)
    qids = [pool.qid for fold in folds for pool in fold]
    assert sorted(qids) == sorted(pool.qid for pool in pools)
    assert {len(fold) for fold in folds} == {12}
    for fold in folds:  # the classes are spread
        assert {pool.judged.columns["class"] for pool in fold} == {"a", "b"}


def test_queries_of_one_text_stay_together(pools: list[JudgedPool]) -> None:
    twins = [
        replace(
            pool,
            judged=replace(pool.judged, qid=f"twin-{pool.qid}"),
            query=replace(pool.query, text=pool.query.text.upper()),
        )
        for pool in pools
    ]
    for fold in deal([*pools, *twins], 4, seed=3):
        assert {q.removeprefix("twin-") for q in (p.qid for p in fold)} == {p.qid for p in fold if "twin" not in p.qid}
    rest, held_out = split_off(pools, 0.25, seed=3)
    assert len(held_out) == 9
    assert len(rest) == 27
    with pytest.raises(InvalidInput, match="folds"):
        deal(pools[:2], 3, seed=1)


def test_the_same_seed_gives_the_same_model(pools: list[JudgedPool], trained: TrainedBlender) -> None:
    again = train(pools)
    assert again.model.to_files() == trained.model.to_files()


def test_a_blender_trained_with_routes_left_out_loses_less_when_one_is_missing() -> None:
    measure = NDCG(k=10)
    pools = learnable_pools(60, seed=2, noise=0.5, popularity_noise=9.0)  # the routes are all there is
    grades = {pool.qid: pool.grades for pool in pools}
    reached = {}
    for dropout in (0.0, 1.0):
        growing = replace(QUICK, dropout=dropout)
        folds = cross_validate(pools, FEATURISER, growing, n_folds=3, seed=7)
        figures = [
            measure(one.ranked, grades[one.example.qid])
            for route in SET.routes
            for one in score(folds, FEATURISER, without=(route,))
        ]
        reached[dropout] = float(np.mean(figures))
    assert reached[1.0] > reached[0.0]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([[0.0] * 4, [-0.1] * 4, [0.0] * 4, [0.1] * 4], 10),  # each query loses: clearly worse than ten trees
        ([[0.0] * 4, [-0.4, 0.0, 0.0, 0.0], [0.0] * 4, [0.0] * 4], 20),  # one lucky query makes no best number
        ([[0.0] * 4, [0.1] * 4, [0.1] * 4, [-0.2] * 4], 5),  # `patience` trees without recovery are the end
        ([[0.0] * 4, [0.1] * 4, [-0.2] * 4, [-0.2] * 4], 20),
    ],
)
def test_as_many_trees_as_do_not_clearly_hurt(
    pools: list[JudgedPool], losses: list[list[float]], expected: int
) -> None:
    examples = [FEATURISER.example(pool) for pool in pools[:8]]
    looks = iter(losses)
    found = most_trees_that_do_not_hurt(
        examples, examples[:4], SET, replace(QUICK, rounds=20, patience=10), lambda scores: 0.5 - np.array(next(looks))
    )
    assert found == expected


def test_the_weights_of_the_baseline_are_tuned_on_its_queries() -> None:
    noisy_lexical = learnable_pools(12, seed=4)
    good = [
        replace(
            pool,
            rankings=tuple(r if r.route == "dense" else replace(r, hits=()) for r in pool.rankings),
        )
        for pool in noisy_lexical
    ]
    assert tuned_weighted_sum(good).weights is not None
    weights = tuned_weighted_sum(noisy_lexical).weights
    assert weights is not None
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["dense"] > 0.0


def test_probabilities_are_calibrated_and_stored(
    pools: list[JudgedPool], trained: TrainedBlender, tmp_path: Path
) -> None:
    found = trained.calibrated
    assert found.relevant_grade == 2.0  # half of 3, rounded up
    assert found.reliability.ece < 0.1
    save_blender(trained.model, tmp_path / "model")
    blender = load_blender(tmp_path / "model", routes=("dense", "lexical"), language="none")
    fused = blender(pools[0].rankings, 10, pools[0].query)
    probabilities = [hit.relevance for hit in fused.hits]
    assert all(p is not None and 0.0 < p < 1.0 for p in probabilities)
    assert probabilities == sorted(probabilities, reverse=True)  # type: ignore[type-var]


def test_serving_ranks_as_training_scored(pools: list[JudgedPool], trained: TrainedBlender) -> None:
    """The blender must see at serving what it saw in training: same rows, same order, same scores."""
    blender = Blender(model=trained.model, analyse=str.split, name="test")
    example = FEATURISER.example(pools[3])
    scores = trained.model.scores(example.matrix)
    fused = blender(pools[3].rankings, 5, pools[3].query)
    best = np.argsort(-scores, kind="stable")[:5]
    assert [hit.id for hit in fused.hits] == [example.ids[at] for at in best]
    assert [hit.score for hit in fused.hits] == [float(scores[at]) for at in best]
    assert {source.route for source in fused.hits[0].sources} <= {"dense", "lexical"}


def test_features_that_no_tree_splits_by_are_left_out_and_no_score_changes(
    pools: list[JudgedPool], trained: TrainedBlender
) -> None:
    model = trained.model
    splits = dict(zip(model.booster.feature_name(), model.booster.feature_importance("split").tolist(), strict=True))
    unused = [name for name, used in zip(SET.names, model.used, strict=True) if not used]
    assert unused == [name for name in SET.names if splits[name] == 0]
    assert {"category.coverage", "stock"} <= set(unused)  # missing in all of these products
    pool = Blender(model=model, analyse=str.split, name="test").pool(pools[3].rankings, pools[3].query)
    some, every = SET.matrix(pool, wanted=model.used), SET.matrix(pool)
    np.testing.assert_array_equal(some[:, model.used], every[:, model.used])
    assert np.isnan(some[:, ~np.array(model.used)]).all()
    np.testing.assert_array_equal(model.scores(some), model.scores(every))


def test_a_model_survives_its_folder(trained: TrainedBlender, tmp_path: Path) -> None:
    save_blender(trained.model, tmp_path / "model")
    assert {entry.name for entry in (tmp_path / "model").iterdir()} == set(MODEL_FILES)
    save_blender(trained.model, tmp_path / "model")  # in its own place again
    again = load_blender(tmp_path / "model", routes=("dense", "lexical"), language="none").model
    assert again.to_files() == trained.model.to_files()
    matrix = FEATURISER.example(learnable_pools(1, seed=9)[0]).matrix
    np.testing.assert_array_equal(again.scores(matrix), trained.model.scores(matrix))
    np.testing.assert_allclose(again.contributions(matrix).sum(axis=1), again.scores(matrix), atol=1e-9)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(InvalidSettings, match="no blender model"):
        save_blender(trained.model, tmp_path / "mine")


def test_the_card_says_what_was_done(trained: TrainedBlender) -> None:
    card = json.loads(trained.model.to_files()[CARD_FILE])["card"]
    assert card["data"]["queries"] == 36
    assert card["growing"]["seed"] == QUICK.seed
    assert card["trees"] == trained.model.booster.num_trees()
    assert len(card["folds"]) == 3
    assert card["importances"][0]["gain"] >= card["importances"][-1]["gain"]
    assert {figure["system"] for figure in card["figures"]["figures"]} >= {"blender", "RRF"}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda files: {n: t for n, t in files.items() if n != TREES_FILE}, "no trees.txt"),
        (lambda files: {**files, TREES_FILE: "not a tree"}, "broken"),
        (lambda files: {**files, CARD_FILE: "{"}, "broken"),
        (lambda files: {**files, CARD_FILE: files[CARD_FILE].replace(SET.fingerprint, "0" * 16)}, "features 0000"),
        (lambda files: {**files, CARD_FILE: files[CARD_FILE].replace('"format": 2', '"format": 9')}, "format 9"),
    ],
)
def test_a_model_that_cannot_be_used_is_replaced_and_every_answer_says_so(
    trained: TrainedBlender, pools: list[JudgedPool], tmp_path: Path, broken, words: str
) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "model"
    folder.mkdir()
    for name, text in broken(trained.model.to_files()).items():
        (folder / name).write_text(text, encoding="utf-8")
    fusion = fusion_for(f"blender:{folder}", routes=("dense", "lexical"), language="none")
    fused = fusion(pools[0].rankings, 10, pools[0].query)
    assert repr(fusion) == "WeightedSum()"
    assert len(fused.hits) == 10
    (note,) = fused.notes
    assert words in note
    assert "WeightedSum stands in for it" in note


def test_the_tail_is_cut_where_relevance_falls_below_the_threshold_and_never_all_of_it(
    pools: list[JudgedPool], trained: TrainedBlender, tmp_path: Path
) -> None:
    save_blender(trained.model, tmp_path / "model")
    whole, cutting = (
        fusion_for(f"blender:{tmp_path / 'model'}{option}", routes=("dense", "lexical"), language="none")
        for option in ("", "?cut=tail")
    )
    threshold = trained.calibrated.tail_cut.threshold
    lengths = set()
    for pool in pools:
        everything, kept = whole(pool.rankings, 40, pool.query), cutting(pool.rankings, 40, pool.query)
        n = len(kept.hits)
        assert kept.hits == everything.hits[:n]
        assert all(hit.relevance is not None and hit.relevance >= threshold for hit in kept.hits[1:])
        [note] = kept.notes
        following = everything.hits[n].relevance
        assert following is not None
        assert following < threshold
        assert f"ends after {n} product" in note
        assert f"{following:.2f}" in note
        lengths.add(n)
    assert len(lengths) > 1
    strict = replace(trained.model, tail_cut=1.0)
    fused = Blender(model=strict, analyse=str.split, name="x", cut_tail=True)(pools[0].rankings, 10, pools[0].query)
    assert len(fused.hits) == 1
    assert "1 product:" in fused.notes[-1]
    with pytest.raises(InvalidSettings, match="cut=head"):
        fusion_for(f"blender:{tmp_path / 'model'}?cut=head", routes=("dense", "lexical"), language="none")
    with pytest.raises(InvalidSettings, match="no calibrated"):
        Blender(model=replace(strict, calibration=None), analyse=str.split, name="x", cut_tail=True)


def test_a_model_for_other_routes_or_another_language_is_refused(trained: TrainedBlender, tmp_path: Path) -> None:
    save_blender(trained.model, tmp_path / "model")
    with pytest.raises(InvalidSettings, match="does not know rewrite"):
        load_blender(tmp_path / "model", routes=("lexical", "rewrite"), language="none")
    with pytest.raises(InvalidSettings, match="analysed as none, this one is german"):
        load_blender(tmp_path / "model", routes=("lexical",), language="german")
    with pytest.raises(InvalidSettings, match="features that are not those"):
        BlenderModel(
            features=FeatureSet(routes=("lexical",)), booster=trained.model.booster, terms=TERMS, language="none"
        )


def test_judgments_of_one_grade_teach_nothing(pools: list[JudgedPool]) -> None:
    alike = [replace(pool, grades=dict.fromkeys(pool.grades, 2.0)) for pool in pools]
    with pytest.raises(InvalidInput, match="different grades"):
        train(alike)


@pytest.mark.parametrize("field", ["rounds", "leaves", "row_share", "learning_rate", "unjudged_weight"])
def test_impossible_settings_are_named(field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(Growing(), **{field: -1})
    assert caught.value.data["field"] == field
