"""The model in training: texts in, sampled outputs and log probabilities out. One class for each shape of model."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from multirecall.training.generation.drawing import CausalDecoding, Decoding, Seq2SeqDecoding, chooser, draw, read_texts
from multirecall.training.generation.extras import required

__all__ = ["Causal", "Ids", "Policy", "Seq2Seq", "token_log_probs"]

Ids = list[int]
_IGNORED = -100


class Policy(ABC):
    """A model with its tokenizer. Outputs are lists of token ids that end with the end token (or at the limit)."""

    shape: Literal["seq2seq", "causal"]

    def __init__(self, model: Any, tokenizer: Any, *, max_tokens: int, prompt: str = "{query}") -> None:
        """`prompt`: what the model is asked with, `{query}` for the text. It belongs into an artefact's card."""
        self.model = model
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.prompt = prompt
        self._torch = required("torch")

    @property
    def end(self) -> int:
        return int(self.tokenizer.eos_token_id)

    def plain_model(self) -> Any:
        """The model without adapters: they are merged into its weights, and training is over."""
        return self.model.merge_and_unload() if hasattr(self.model, "merge_and_unload") else self.model

    def copied_model(self) -> Any:
        """A frozen copy of the model as it is now: the reference of reinforcement learning and of preferences."""
        return copy.deepcopy(self.model).eval().requires_grad_(False)

    def trained(self) -> list[Any]:
        """The parameters that training moves, in a fixed order."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def output_ids(self, text: str) -> Ids:
        """The ids of an output text, ended, at most `max_tokens`."""
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return [*ids[: self.max_tokens - 1], self.end]

    def text(self, ids: Ids) -> str:
        """The text of an output."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def begin(self, texts: Sequence[str], *, each: int = 1) -> Decoding:
        """`each` outputs per text, next to each other, about to begin."""
        return self._decoding(self._inputs(texts), each)

    def sample(
        self, texts: Sequence[str], *, each: int, temperature: float = 1.0, top_p: float = 1.0, greedy: bool = False
    ) -> list[list[Ids]]:
        """`each` outputs per text, drawn with torch's global generator (or the likeliest token each time)."""
        training = self.model.training
        self.model.eval()
        with self._torch.no_grad():
            choose = chooser(temperature=temperature, top_p=top_p, greedy=greedy)
            rows = draw(self.begin(texts, each=each), choose, end=self.end, most=self.max_tokens)
        self.model.train(training)
        return [rows[at : at + each] for at in range(0, len(rows), each)]

    def _inputs(self, texts: Sequence[str]) -> Any:
        asked = [self.prompt.replace("{query}", text) for text in texts]
        encoded = self.tokenizer(asked, padding=True, return_tensors="pt")
        return {name: encoded[name].to(self.model.device) for name in ("input_ids", "attention_mask")}

    def _padded(self, outputs: Sequence[Ids]) -> Any:
        length = max(map(len, outputs))
        rows = [[*ids, *[_IGNORED] * (length - len(ids))] for ids in outputs]
        return self._torch.tensor(rows, device=self.model.device)

    @abstractmethod
    def logits(self, model: Any, texts: Sequence[str], outputs: Sequence[Ids]) -> tuple[Any, Any]:
        """(logits, labels) of shapes (b, t, vocabulary) and (b, t); labels are -100 behind the end of an output."""

    @abstractmethod
    def _decoding(self, inputs: Any, each: int) -> Decoding:
        """As `begin`, of texts as the model takes them."""

    def save(self, folder: Path) -> None:
        """Weights (safetensors), configuration and tokenizer into an existing folder; adapters are merged first."""
        self.plain_model().save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


class Seq2Seq(Policy):
    """An encoder reads the text, a decoder writes the output."""

    shape = "seq2seq"

    def logits(self, model: Any, texts: Sequence[str], outputs: Sequence[Ids]) -> tuple[Any, Any]:
        labels = self._padded(outputs)
        begun = model.prepare_decoder_input_ids_from_labels(labels)  # with `labels` it would work out a loss of its own
        places = {text: i for i, text in enumerate(dict.fromkeys(texts))}  # a text is read once for all its outputs
        read = read_texts(model, self._inputs(list(places)), [places[text] for text in texts])
        return model(**read, decoder_input_ids=begun).logits, labels

    def _decoding(self, inputs: Any, each: int) -> Decoding:
        rows = [row for row in range(len(inputs["input_ids"])) for _ in range(each)]
        return Seq2SeqDecoding(self.model, read_texts(self.model, inputs, rows))


class Causal(Policy):
    """One stack goes on with a prompt. The tokenizer pads on the left, so that all outputs begin at one column."""

    shape = "causal"

    def logits(self, model: Any, texts: Sequence[str], outputs: Sequence[Ids]) -> tuple[Any, Any]:
        torch = self._torch
        inputs, labels = self._inputs(texts), self._padded(outputs)
        written = labels != _IGNORED
        filled = labels.masked_fill(~written, self.tokenizer.pad_token_id)
        seen = torch.cat([inputs["attention_mask"], written.long()], dim=1)
        out = model(
            input_ids=torch.cat([inputs["input_ids"], filled], dim=1),
            attention_mask=seen,
            position_ids=(seen.cumsum(1) - 1).clamp(min=0),
        ).logits
        start = inputs["input_ids"].shape[1] - 1
        return out[:, start : start + labels.shape[1]], labels

    def _decoding(self, inputs: Any, each: int) -> Decoding:
        return CausalDecoding(self.model, inputs, each)


def token_log_probs(logits: Any, labels: Any) -> tuple[Any, Any]:
    """(log probability of each label, mask), both (b, t) float; 0 where the mask is 0."""
    entropy = required("torch").nn.functional.cross_entropy
    losses = entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=_IGNORED, reduction="none")
    return -losses.view(labels.shape), (labels != _IGNORED).float()
