"""What is exported says what torch says; what is damaged is refused. Serving reads the folder alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multirecall.core.errors import EncoderError, InvalidInput, InvalidSettings, UnsupportedFeature
from multirecall.recall.generation.base import StepModel
from multirecall.recall.generation.onnx_steps import CARD, STEP_GRAPH, TOKENIZER, OnnxSteps, open_onnx_steps
from tests.unit.training.generation.conftest import TEXTS

pytestmark = pytest.mark.usefixtures("learning")
ASKED = ["a red tent", "Black LAPTOP bag, 16 gb", ""]


@pytest.fixture(scope="module")
def policy(seq2seq: Callable[..., Any]) -> Any:
    return seq2seq(layers=2, max_tokens=6)


@pytest.fixture(scope="module")
def folder(policy: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from multirecall.training.generation.export import export_steps

    made = tmp_path_factory.mktemp("exported") / "model"
    export_steps(policy, made, card={"method": "test"})
    return made


def outputs(model: StepModel, texts: list[str], seed: int) -> list[Any]:
    """What the model says of drawn rows: of none, one or several children each, in any order."""
    random = np.random.default_rng(seed)
    decoding = model.begin(texts)
    said, n = [decoding.first()], len(texts)
    for wanted in (4, 7, 2, 5, 1):
        parents = random.integers(n, size=wanted)
        said.append(decoding.step(parents, random.integers(2, model.vocab, size=wanted).astype(np.int32)))
        n = wanted
    return said


@pytest.mark.parametrize("texts", [ASKED[:1], ASKED])
def test_the_probabilities_are_those_of_torch(policy: Any, folder: Path, texts: list[str]) -> None:
    from multirecall.training.generation.torch_steps import TorchSteps

    exported, trained = open_onnx_steps(folder), TorchSteps(policy)
    assert isinstance(exported, StepModel)
    assert (exported.vocab, exported.end, exported.max_tokens) == (trained.vocab, trained.end, 6)
    for seed in range(3):
        for one, other in zip(outputs(exported, texts, seed), outputs(trained, texts, seed), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_text_is_decoded_alike_alone_and_among_others(folder: Path) -> None:
    model = open_onnx_steps(folder)
    together = model.begin(ASKED)
    first = together.first()
    behind = together.step(np.array([2, 1, 1]), np.array([9, 8, 7]))
    alone = model.begin(ASKED[1:2])
    np.testing.assert_allclose(alone.first()[0], first[1], atol=1e-5)
    np.testing.assert_allclose(alone.step(np.array([0, 0]), np.array([8, 7])), behind[1:], atol=1e-5)


def test_searches_of_several_threads_do_not_meet(folder: Path) -> None:
    model = open_onnx_steps(folder)
    expected = [outputs(model, ASKED, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: outputs(model, ASKED, seed), range(4)))
    for one, other in zip(found, expected, strict=True):
        for ours, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_relu_and_shared_sizes_of_other_models_are_exported_too(torch: Any, policy: Any, tmp_path: Path) -> None:
    """As T5 of the first version has them, with heads wider than the model and more layers on one side."""
    import transformers

    from multirecall.training.generation.export import export_steps
    from multirecall.training.generation.policy import Seq2Seq
    from multirecall.training.generation.torch_steps import TorchSteps

    torch.manual_seed(2)
    config = transformers.T5Config(
        vocab_size=len(policy.tokenizer) + 5, d_model=16, d_kv=12, d_ff=24, num_heads=2, num_layers=2,
        num_decoder_layers=1, feed_forward_proj="relu", pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
        tie_word_embeddings=False,
    )  # fmt: skip
    other = Seq2Seq(transformers.T5ForConditionalGeneration(config), policy.tokenizer, max_tokens=6)
    export_steps(other, tmp_path / "model")
    exported = outputs(open_onnx_steps(tmp_path / "model"), ASKED, 1)
    for one, trained in zip(exported, outputs(TorchSteps(other), ASKED, 1), strict=True):
        np.testing.assert_allclose(one, trained, atol=1e-4)


def test_eight_bits_are_close_and_smaller(policy: Any, folder: Path, tmp_path: Path) -> None:
    from multirecall.training.generation.export import export_steps

    export_steps(policy, tmp_path / "int8", precision="int8")
    exact, close = open_onnx_steps(folder), open_onnx_steps(tmp_path / "int8")
    for one, other in zip(outputs(exact, ASKED, 1), outputs(close, ASKED, 1), strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.98
    assert exact.fingerprint != close.fingerprint


def test_texts_become_ids_and_ids_texts(policy: Any, folder: Path) -> None:
    model = open_onnx_steps(folder)
    assert [*model.ids("red <sep> tent"), model.end] == policy.output_ids("red <sep> tent")
    assert model.text(policy.output_ids("red tent")) == "red tent"
    assert model.id_of("<sep>") == policy.tokenizer.convert_tokens_to_ids("<sep>")
    assert model.id_of("<none>") is None


def test_nothing_is_written_behind_the_limit_and_no_text_is_no_question(folder: Path) -> None:
    model = open_onnx_steps(folder)
    decoding = model.begin(TEXTS[:1])
    decoding.first()
    for _ in range(5):
        decoding.step(np.array([0]), np.array([5]))
    with pytest.raises(InvalidInput, match="6 tokens"):
        decoding.step(np.array([0]), np.array([5]))
    with pytest.raises(InvalidInput, match="no text"):
        model.begin([])


def test_a_fingerprint_is_of_what_the_probabilities_depend_on(
    policy: Any, folder: Path, seq2seq: Callable[..., Any], tmp_path: Path
) -> None:
    from multirecall.training.generation.export import export_steps

    model = open_onnx_steps(folder)
    assert export_steps(policy, tmp_path / "again", card={"method": "other"}) == model.fingerprint
    assert export_steps(seq2seq(layers=2, max_tokens=6, seed=5), tmp_path / "again") != model.fingerprint
    assert model.card["training"] == {"method": "test"}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again"]


def damaged_file(folder: Path) -> None:
    content = bytearray((folder / STEP_GRAPH).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / STEP_GRAPH).write_bytes(content)


def changed_card(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        card = json.loads((folder / CARD).read_text())
        (folder / CARD).write_text(json.dumps({**card, **changes}))

    return change


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a bit of a graph": (damaged_file, "not the file"),
    "no tokenizer": (lambda folder: (folder / TOKENIZER).unlink(), "cannot be read"),
    "no card": (lambda folder: (folder / CARD).unlink(), "cannot read card.json"),
    "half a card": (lambda folder: (folder / CARD).write_text('{"format": 1'), "no JSON"),
    "another format": (changed_card(format=2), "format"),
    "a card without files": (changed_card(files={}), "not as it was written"),
    "another end": (changed_card(end=5), "not as it was written"),
    "a list for a card": (lambda folder: (folder / CARD).write_text("[]"), "format"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_refused(folder: Path, tmp_path: Path, damage: Callable[[Path], Any], message: str) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert isinstance(open_onnx_steps(copy), OnnxSteps)
    damage(copy)
    with pytest.raises(EncoderError, match=message):
        open_onnx_steps(copy)


def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    policy: Any, causal: Callable[..., Any], tmp_path: Path
) -> None:
    from multirecall.training.generation.export import export_steps

    with pytest.raises(UnsupportedFeature, match="llama"):
        export_steps(causal(), tmp_path / "model")
    with pytest.raises(InvalidInput, match="fp16"):
        export_steps(policy, tmp_path / "model", precision="fp16")
    assert not list(tmp_path.iterdir())
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InvalidSettings, match="no exported model"):
        export_steps(policy, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_serving_needs_neither_torch_nor_transformers(folder: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from multirecall.recall.generation.onnx_steps import open_onnx_steps\n"
        f"decoding = open_onnx_steps(Path({str(folder)!r})).begin(['red tent'])\n"
        "assert decoding.first().shape[0] == 1\n"
        "print(sorted({'torch', 'transformers', 'onnx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
