"""The module for sentence-transformers: on a tiny model, without its Trainer and, where that can run, with it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from tests.support.tiny_models import require_sentence_transformers, tiny_bert
from tests.support.torch_extra import require_torch

torch = require_torch()
sentence_transformers = require_sentence_transformers()

from multirecall.training.losses.circle import circle  # noqa: E402 - it needs torch
from multirecall.training.losses.odds_ratio import odds_ratio  # noqa: E402
from multirecall.training.losses.plackett_luce import plackett_luce  # noqa: E402
from multirecall.training.losses.rows import UNLABELLED  # noqa: E402
from multirecall.training.losses.sentence_transformers_loss import GradedLoss, batch_rows  # noqa: E402
from multirecall.training.losses.supervised_contrastive import supervised_contrastive  # noqa: E402

QUERIES = ["laser printer", "usb cable", "mouse"]
PRODUCTS = [
    ["black laser printer", "toner", "usb mouse"],
    ["black usb cable", "usb mouse", "laser toner"],
    ["mouse black", "notebook", ""],
]
GRADES = [[2, 1, 0], [2, 0, 0], [2, 0, UNLABELLED]]
ROWS = [
    {"query": query, **{f"product_{at + 1}": text for at, text in enumerate(texts)}, "label": grades}
    for query, texts, grades in zip(QUERIES, PRODUCTS, GRADES, strict=True)
]


@pytest.fixture
def model(tmp_path: Path) -> torch.nn.Module:
    return sentence_transformers.SentenceTransformer(str(tiny_bert(tmp_path / "base")), device="cpu")


def features(model: torch.nn.Module) -> list[dict]:
    columns = [QUERIES, *([texts[at] for texts in PRODUCTS] for at in range(3))]
    return [model.preprocess(column) for column in columns]


def test_the_loss_is_that_of_the_models_cosines(model: torch.nn.Module) -> None:
    vectors = torch.from_numpy(model.encode(QUERIES + [text for texts in PRODUCTS for text in texts]))
    scores = vectors[:3] @ vectors[3:].T
    grades = torch.full((3, 9), UNLABELLED)
    for at, own in enumerate(GRADES):
        grades[at, 3 * at : 3 * at + 3] = torch.tensor(own)
    ignored = torch.zeros(3, 9, dtype=torch.bool)
    ignored[0, 4] = ignored[1, 2] = True  # the usb mouse is a product of both
    ignored[:, 8] = True
    loss = partial(supervised_contrastive, temperature=0.2)
    found = GradedLoss(model.eval(), loss)(features(model), torch.tensor(GRADES))
    assert float(found.detach()) == pytest.approx(float(loss(scores, grades, ignored=ignored)), abs=1e-5)


def test_a_row_ignores_its_own_products_elsewhere_and_the_rows_of_its_query() -> None:
    a, b, x, y, z = ((number,) for number in range(5))
    grades, ignored = batch_rows([[a, b, a], [x, y, z], [y, z, y]], torch.tensor([[1, 0], [1, 0], [1, UNLABELLED]]))
    none = UNLABELLED
    assert grades.tolist() == [[1, 0, *[none] * 4], [none, none, 1, 0, none, none], [*[none] * 4, 1, none]]
    assert ignored.int().tolist() == [
        [0, 0, 1, 0, 1, 1],  # y of b is its own, and the third row has its query
        [0, 1, 0, 0, 1, 1],  # y of both a, z of the second a; the last column pads
        [1, 1, 1, 1, 0, 1],
    ]


@pytest.mark.parametrize("loss", [circle, odds_ratio, plackett_luce, supervised_contrastive])
def test_any_loss_trains_the_model(model: torch.nn.Module, loss: object) -> None:
    module = GradedLoss(model.eval(), loss)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    grades = torch.tensor([[2, 1, 0], [2, 1, 0], [1, 0, UNLABELLED]])  # one product per grade, as ROAR wants
    values = []
    for _ in range(12):
        optimiser.zero_grad()
        value = module(features(model), grades)
        value.backward()
        optimiser.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]


def test_it_runs_in_their_matryoshka_loss(model: torch.nn.Module) -> None:
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    module, grades = GradedLoss(model.eval(), supervised_contrastive), torch.tensor(GRADES)
    of_dims = {
        dims: float(MatryoshkaLoss(model, module, list(dims))(features(model), grades).detach())
        for dims in ((8,), (32,), (8, 32))
    }
    assert of_dims[32,] == pytest.approx(float(module(features(model), grades).detach()), rel=1e-4)
    assert of_dims[8, 32] == pytest.approx(of_dims[8,] + of_dims[32,], rel=1e-4)


def test_it_runs_in_their_trainer(model: torch.nn.Module, tmp_path: Path) -> None:
    if not os.environ.get("CI"):
        pytest.importorskip("accelerate", reason="the Trainer of sentence-transformers needs accelerate")
        pytest.importorskip("datasets", reason="the Trainer of sentence-transformers needs datasets")
    import datasets

    trainer = sentence_transformers.SentenceTransformerTrainer(
        model=model,
        args=sentence_transformers.SentenceTransformerTrainingArguments(
            output_dir=str(tmp_path / "out"),
            num_train_epochs=6,
            learning_rate=1e-3,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1,
        ),
        train_dataset=datasets.Dataset.from_list(ROWS),
        loss=GradedLoss(model, circle),
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("labels", [torch.tensor([2, 1, 0]), torch.ones(3, 3), torch.ones(3, 2, dtype=torch.int64)])
def test_labels_that_do_not_fit_are_named(model: torch.nn.Module, labels: torch.Tensor) -> None:
    with pytest.raises(InvalidInput) as error:
        GradedLoss(model, circle)(features(model), labels)
    assert error.value.data["field"] == "labels"
