"""`multirecall train rewriter`, with a model of one step."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from multirecall.cli.main import app
from multirecall.evaluation.testbed import write_sample

CONCEPTS = """\
[scene]
dark_desk = { say = ["reading at night"], find = ["desk lamp", "led desk lamp"] }
long_flight = { say = ["a long flight"], find = ["noise cancelling headphones", "neck pillow"] }
[question]
flat_phone = { say = ["an empty battery"], find = ["power bank", "20000 mah power bank"] }
cold_feet = { say = ["cold feet"], find = ["slippers", "wool socks"] }
"""


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch's threads wait for each other by spinning, which a busy machine punishes."""
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_rewriter_is_trained_from_a_catalogue_and_a_knowledge_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "sample", products=800, queries=20, seed=3)
    (tmp_path / "own.toml").write_text(CONCEPTS)
    said = ["train", "rewriter", "--recipe", "tiny", "--steps", "2", "--updates", "1", "--encoder", "hashing?dim=16"]
    said += ["--catalogue", "sample/catalogue.jsonl", "--concepts", "own.toml", "--out", "model", "--json"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch and transformers say about themselves
        result = CliRunner().invoke(app, said, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    assert card["figures"]["rl"].keys() == {"unseen_phrasing", "unseen_concept"}
    names = {entry.name for entry in (tmp_path / "model").iterdir()}
    assert names >= {"model.safetensors", "config.json", "tokenizer.json", "card.json", "curves.jsonl"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--catalogue", "x.jsonl", "--engine", "exact:"], "exclude each other"),
        (["--lora-rank", "8"], "for a pretrained model"),
        (["--recipe", " "], "no name"),
    ],
)
def test_what_cannot_be_meant_is_said_before_any_work(tmp_path: Path, more: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["train", "rewriter", "--out", str(tmp_path / "model"), *more])
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "model").exists()
