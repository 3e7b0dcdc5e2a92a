"""Stages and courses: they learn order, go on after a kill to the same weights, and leave what each stage taught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.encoders.opening import open_encoder
from multirecall.training.graded.groups import GradedGroup
from tests.support.tiny_models import VOCABULARY, tiny_tokenizer
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.dense.course import Course  # noqa: E402 - it needs torch
from multirecall.training.dense.figures import compared, held_out  # noqa: E402
from multirecall.training.dense.objectives import (  # noqa: E402
    AcrossQueriesOrder,
    BinaryCircle,
    Circle,
    Contrastive,
    InfoNce,
    Objective,
    OddsRatio,
    Ordering,
)
from multirecall.training.dense.scoring import held_out_ndcg  # noqa: E402
from multirecall.training.dense.stages import Stage, Watch, train_stage  # noqa: E402
from multirecall.training.dense.static_tower import StaticTower  # noqa: E402
from multirecall.training.graded.recipe import MineAndRefine, centres_of, mine_and_refine  # noqa: E402
from multirecall.training.graded.thresholds import Thresholds  # noqa: E402
from multirecall.training.roar.recipe import Roar, roar  # noqa: E402

TEXTS = {"1": "laser printer", "2": "usb cable", "3": "black notebook", "4": "mouse", "5": "toner", "6": "notebook"}
GROUPS = [
    GradedGroup(query="abc", qid="1", products=("1", "5", "2", "4"), grades=(3, 2, 1, 0)),
    GradedGroup(query="xyz", qid="2", products=("3", "6", "4", "1"), grades=(3, 2, 1, 0)),
    GradedGroup(query="mno", qid="3", products=("2", "4", "3"), grades=(3, 1, 0)),
]
THREE = [
    GradedGroup(query=g.query, qid=g.qid, products=g.products, grades=tuple((0, 1, 1, 2)[level] for level in g.grades))
    for g in GROUPS
]
EXACT = InfoNce(lowest=3, mask_from=0.0)
OBJECTIVES: list[Objective] = [
    Contrastive(top=3),
    InfoNce(lowest=2, mask_from=0.5),
    OddsRatio(beside=EXACT, beta=1.0),
    OddsRatio(beside=EXACT, beta=1.0, margin=1.0),
    BinaryCircle(beside=Contrastive(top=3)),
    AcrossQueriesOrder(beside=Contrastive(top=3)),
    Circle(beside=Contrastive(top=3), centres=(0.1, 0.35, 0.6, 0.85)),
    Ordering(by="bradley-terry", beside=EXACT, beta=1.0),
    Ordering(by="plackett-luce", beside=EXACT, beta=1.0),
    Ordering(by="direct-preference", beside=EXACT, beta=1.0),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("base")
    vectors = np.random.default_rng(1).standard_normal((len(VOCABULARY), 16)).astype(np.float32)
    save_file({"embedding.weight": vectors}, folder / "base.safetensors")
    tiny_tokenizer().save(str(folder / "base.json"))
    return folder / "base.safetensors", folder / "base.json"


def tower_of(files: tuple[Path, Path]) -> StaticTower:
    tower = StaticTower(files)
    tower.prepare([*(group.query for group in GROUPS), *TEXTS.values()])
    return tower


class Killed(Exception):
    pass


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_every_objective_puts_the_products_in_order(files: tuple[Path, Path], objective: Objective) -> None:
    tower = tower_of(files)
    before = held_out_ndcg(tower, GROUPS, TEXTS)
    stage = Stage(name="one", objective=objective, epochs=40, batch=3, per_level=1)
    result, _ = train_stage(tower, GROUPS, TEXTS, stage, seed=1)
    assert len(result.losses) == 40
    assert before < held_out_ndcg(tower, GROUPS, TEXTS)
    answers_only = isinstance(objective, InfoNce)  # it knows what is an answer, not which is the better one
    assert held_out(tower, GROUPS, TEXTS).ndcg.mean() > (0.8 if answers_only else 0.9)
    assert (result.masked is not None) == isinstance(objective, (InfoNce, OddsRatio, Ordering))


def test_truncations_are_trained_as_well(files: tuple[Path, Path]) -> None:
    objective = Contrastive(top=3)
    cut = {}
    for dims in ((), (4,)):
        tower = tower_of(files)
        train_stage(tower, GROUPS, TEXTS, Stage(name="one", objective=objective, epochs=25, dims=dims), seed=1)
        with torch.no_grad():
            queries = tower.encode([group.query for group in GROUPS])[:, :4]
            products = tower.encode(list(TEXTS.values()))[:, :4]
            scores = torch.nn.functional.normalize(queries) @ torch.nn.functional.normalize(products).T
        levels = torch.full((3, 6), -1)
        for row, group in enumerate(GROUPS):
            for product, level in zip(group.products, group.grades, strict=True):
                levels[row, int(product) - 1] = level
        rows: Any = type("Rows", (), {"scores": scores, "levels": levels, "ignored": torch.zeros(3, 6).bool()})
        cut[dims] = float(objective(rows))
    assert cut[(4,)] < 0.8 * cut[()]


def test_an_interrupted_course_goes_on_to_the_same_weights(files: tuple[Path, Path], tmp_path: Path) -> None:
    recipe = Roar(epochs=(8.0, 6.0), batch=2, second_rate=1.0)
    straight = tower_of(files)
    roar(Course(straight, TEXTS, seed=4), GROUPS, recipe)

    def stop(stage: str, done: int, steps: int) -> None:
        if stage == "stage-2" and done == 4:
            raise Killed

    with pytest.raises(Killed):
        roar(Course(tower_of(files), TEXTS, seed=4, work=tmp_path / "work", on_step=stop), GROUPS, recipe)
    resumed = Course(tower_of(files), TEXTS, seed=4, work=tmp_path / "work")
    roar(resumed, GROUPS, recipe)
    assert len(resumed.results[0].losses) == 0  # all of stage 1 was kept
    for name, value in straight.parameters().items():
        assert torch.equal(value, resumed.tower.parameters()[name])
    spec = resumed.write({"made": 1}, tmp_path / "out")
    assert not (tmp_path / "work").exists()
    served, first = open_encoder(spec), open_encoder(f"static:{tmp_path / 'out' / 'stage-1'}")
    with torch.no_grad():
        ours = torch.nn.functional.normalize(straight.encode(["abc"])).numpy()
    np.testing.assert_allclose(served.encode_queries(["abc"]), ours, atol=1e-6)
    assert not np.allclose(first.encode_queries(["abc"]), ours, atol=1e-3)
    assert json.loads((tmp_path / "out" / "card.json").read_text()) == {"made": 1}


def test_mine_and_refine_hands_its_thresholds_to_the_miner_and_ends_with_new_ones(files: tuple[Path, Path]) -> None:
    heard: list[Thresholds] = []

    def mine(thresholds: Thresholds) -> list[GradedGroup]:
        heard.append(thresholds)
        return THREE[:2]

    course = Course(tower_of(files), TEXTS, seed=1)
    thresholds, centres = mine_and_refine(course, THREE, THREE, MineAndRefine(epochs=(20.0, 20.0)), mine=mine)
    assert [result.name for result in course.results] == ["stage-1", "stage-2"]
    assert thresholds.above[0] < thresholds.above[1]
    assert thresholds != heard[0]
    assert centres == centres_of(heard[0])
    assert min(np.diff(centres)) >= 0.25 - 1e-4


def test_centres_keep_the_gap_of_the_medians_where_that_is_wide_and_stretch_it_where_not() -> None:
    assert centres_of(Thresholds(medians=(0.1, 0.5, 0.9), above=(0.3, 0.7))) == pytest.approx((0.1, 0.5, 0.9))
    assert centres_of(Thresholds(medians=(0.7, 0.8, 0.9), above=(0.75, 0.85))) == pytest.approx((0.55, 0.8, 1.05))


def test_figures_are_watched_while_it_learns(files: tuple[Path, Path]) -> None:
    heard: list[int] = []
    tower = tower_of(files)
    watch = Watch(
        figure=lambda: held_out_ndcg(tower, GROUPS, TEXTS), tell=lambda stage, step, value: heard.append(step)
    )
    stage = Stage(name="one", objective=Contrastive(top=3), epochs=10, batch=3)
    result, _ = train_stage(tower, GROUPS, TEXTS, stage, seed=1, watch=watch)
    assert heard == [2, 4, 6, 8, 10]
    assert list(result.card()["held_out"]) == ["2", "4", "6", "8", "10"]


def test_what_it_gained_is_told_with_an_interval(files: tuple[Path, Path]) -> None:
    tower = tower_of(files)
    before = held_out(tower, GROUPS, TEXTS)
    train_stage(tower, GROUPS, TEXTS, Stage(name="one", objective=Contrastive(top=3), epochs=25), seed=1)
    told = compared(before, held_out(tower, GROUPS, TEXTS))
    gained = told["condensed nDCG@10"]
    assert gained["low"] <= gained["difference"] <= gained["high"]
    assert gained["after"] > gained["before"]
    assert told["separation"]["after"]["auc"]["3 over 0"] > 0.8


def test_a_loss_that_runs_away_ends_the_training(files: tuple[Path, Path]) -> None:
    tower = tower_of(files)
    with torch.no_grad():
        tower.parameters()["log_weights"].fill_(1e4)
    with pytest.raises(InvalidSettings, match="run away"):
        train_stage(tower, GROUPS, TEXTS, Stage(name="one", objective=Contrastive(top=3), epochs=1), seed=1)


def test_products_without_a_text_are_named(files: tuple[Path, Path]) -> None:
    stage = Stage(name="one", objective=Contrastive(top=3), epochs=1)
    with pytest.raises(InvalidInput, match="no text: 6"):
        train_stage(tower_of(files), GROUPS, {k: v for k, v in TEXTS.items() if k != "6"}, stage, seed=1)
    with pytest.raises(InvalidInput, match="above 0"):
        Stage(name="one", objective=Contrastive(top=3), epochs=0)
