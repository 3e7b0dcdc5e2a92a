"""Training of towers: it learns, goes on where it was interrupted, and is served by the torch-free encoders."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from multirecall.core.errors import InvalidInput, InvalidSettings, MissingExtra
from multirecall.encoders.opening import open_encoder
from multirecall.training.dense.base import require_torch as require_torch_in_code
from multirecall.training.dense.pairs import Pair
from tests.support.tiny_models import VOCABULARY, require_sentence_transformers, tiny_bert, tiny_tokenizer
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.dense.static_tower import StaticTower  # noqa: E402 - it needs torch
from multirecall.training.dense.training import DenseSettings, train_tower, write_encoder  # noqa: E402

TEXTS = {"1": "laser printer", "2": "usb cable", "3": "black notebook", "4": "mouse"}
PAIRS = [
    Pair(query="toner", product="1"),
    Pair(query="abc", product="2"),
    Pair(query="xyz", product="3"),
    Pair(query="mno", product="4"),
]
SETTINGS = DenseSettings(steps=12, batch=4, shares={"click": 1.0}, learning_rate=0.05, checkpoint_every=4, seed=5)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    vectors = np.random.default_rng(1).standard_normal((len(VOCABULARY), 16)).astype(np.float32)
    save_file({"embedding.weight": vectors}, tmp_path / "base.safetensors")
    tiny_tokenizer().save(str(tmp_path / "base.json"))
    return tmp_path / "base.safetensors", tmp_path / "base.json"


class Killed(Exception):
    pass


def test_the_static_tower_learns_and_is_served_without_torch(files: tuple[Path, Path], tmp_path: Path) -> None:
    tower = StaticTower(files)
    before = {name: value.clone() for name, value in tower.parameters().items()}
    done = train_tower(tower, {"click": PAIRS}, TEXTS, SETTINGS)
    assert before["table"].shape[0] == 0  # tokens are taken up when the texts are known
    assert done.losses[-1] < 0.5 * done.losses[0]
    encoder = open_encoder(write_encoder(tower, done.card, tmp_path / "out"))
    queries, products = encoder.encode_queries([p.query for p in PAIRS]), encoder.encode_products(list(TEXTS.values()))
    np.testing.assert_array_equal((queries @ products.T).argmax(axis=1), range(4))
    with torch.no_grad():
        ours = torch.nn.functional.normalize(tower.encode([p.query for p in PAIRS])).numpy()
    np.testing.assert_allclose(queries, ours, atol=1e-6)
    assert json.loads((tmp_path / "out" / "card.json").read_text())["pairs"] == {"click": 4}


def test_an_interrupted_training_goes_on_to_the_same_weights(files: tuple[Path, Path], tmp_path: Path) -> None:
    straight = StaticTower(files)
    train_tower(straight, {"click": PAIRS}, TEXTS, SETTINGS)

    def stop(done: int, steps: int) -> None:
        if done == 10:
            raise Killed

    checkpoint = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        train_tower(StaticTower(files), {"click": PAIRS}, TEXTS, SETTINGS, checkpoint=checkpoint, on_step=stop)
    assert checkpoint.exists()
    resumed = StaticTower(files)
    done = train_tower(resumed, {"click": PAIRS}, TEXTS, SETTINGS, checkpoint=checkpoint)
    assert len(done.losses) == 12 - 8  # from the last checkpoint on
    assert not checkpoint.exists()
    for name, value in straight.parameters().items():
        assert torch.equal(value, resumed.parameters()[name])


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_not_taken_up(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    def stop(done: int, steps: int) -> None:
        if done == 4:
            raise Killed

    checkpoint = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        train_tower(StaticTower(files), {"click": PAIRS}, TEXTS, SETTINGS, checkpoint=checkpoint, on_step=stop)
    kept = checkpoint.read_bytes()
    other = train_tower(StaticTower(files), {"click": PAIRS[:3]}, TEXTS, SETTINGS, checkpoint=checkpoint)
    assert len(other.losses) == SETTINGS.steps
    checkpoint.write_bytes(kept[: len(kept) // 2])
    assert len(train_tower(StaticTower(files), {"click": PAIRS}, TEXTS, SETTINGS, checkpoint=checkpoint).losses) == 12


def test_the_transformer_tower_learns_and_is_served_as_onnx(tmp_path: Path) -> None:
    require_sentence_transformers()
    from multirecall.training.dense.transformer_tower import TransformerTower

    tower = TransformerTower(str(tiny_bert(tmp_path / "tiny")), learn_words=True)
    settings = DenseSettings(steps=15, batch=4, shares={"click": 1.0}, learning_rate=0.01)
    done = train_tower(tower, {"click": PAIRS}, TEXTS, settings)
    assert done.losses[-1] < done.losses[0]
    encoder = open_encoder(f"{write_encoder(tower, done.card, tmp_path / 'out')}?precision=fp32", cache_dir=tmp_path)
    with torch.no_grad():
        ours = torch.nn.functional.normalize(tower.encode(["laser printer", "usb"])).numpy()
    np.testing.assert_allclose(encoder.encode_queries(["laser printer", "usb"]), ours, atol=1e-4)


def test_pairs_without_a_product_or_a_query_are_told(files: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidInput, match="not in the catalogue: 9"):
        train_tower(StaticTower(files), {"click": [Pair(query="a", product="9")]}, TEXTS, SETTINGS)
    with pytest.raises(InvalidInput, match="without a letter"):
        train_tower(StaticTower(files), {"click": [Pair(query="?", product="1")]}, TEXTS, SETTINGS)


def test_nothing_else_is_overwritten_and_a_failure_leaves_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    tower = StaticTower(files)
    tower.prepare(["laser"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InvalidSettings, match="no trained encoder"):
        write_encoder(tower, {}, tmp_path / "mine")
    write_encoder(tower, {"first": 1}, tmp_path / "out")
    write_encoder(tower, {"first": 2}, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "card.json").read_text()) == {"first": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base.json", "base.safetensors", "mine", "out"]


def test_without_torch_the_install_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"multirecall\[train\]"):
        require_torch_in_code()
