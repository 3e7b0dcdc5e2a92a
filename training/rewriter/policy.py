"""The model in training: texts in, sampled lists and log probabilities out. One class for each shape of model."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from multirecall.training.rewriter.extras import required

__all__ = ["PROMPT", "Causal", "Ids", "Policy", "Seq2Seq", "token_log_probs"]

PROMPT = "Shopper: {query}\nShop queries:"
"""What a causal model is asked with; a seq2seq model reads the query alone. Kept in the artefact's card."""
Ids = list[int]
_IGNORED = -100


class Policy(ABC):
    """A model with its tokenizer. Outputs are lists of token ids that end with the end token (or at the limit)."""

    shape: Literal["seq2seq", "causal"]
    prompt: str

    def __init__(self, model: Any, tokenizer: Any, *, max_tokens: int) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self._torch = required("torch")

    @property
    def end(self) -> int:
        return int(self.tokenizer.eos_token_id)

    def copied_model(self) -> Any:
        """A frozen copy of the model as it is now: the reference of reinforcement learning."""
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

    def sample(
        self, queries: Sequence[str], *, each: int, temperature: float = 1.0, top_p: float = 1.0, greedy: bool = False
    ) -> list[list[Ids]]:
        """`each` outputs per query, drawn with torch's global generator (or the likeliest token each time)."""
        configured = required("transformers").GenerationConfig
        inputs = self._inputs(queries)
        drawing: dict[str, Any] = {} if greedy else {"temperature": temperature, "top_p": top_p, "top_k": 0}
        config = configured(
            do_sample=not greedy,
            num_return_sequences=each,
            max_new_tokens=self.max_tokens,
            eos_token_id=self.end,
            pad_token_id=self.tokenizer.pad_token_id,
            decoder_start_token_id=getattr(self.model.config, "decoder_start_token_id", None),
            **drawing,
        )
        training = self.model.training
        self.model.eval()
        with self._torch.no_grad():
            drawn = self.model.generate(**inputs, generation_config=config)
        self.model.train(training)
        rows = [self._cut(row) for row in drawn[:, self._skipped(inputs) :].tolist()]
        return [rows[at : at + each] for at in range(0, len(rows), each)]

    def _cut(self, row: Ids) -> Ids:
        return row[: row.index(self.end) + 1] if self.end in row else row

    def _inputs(self, queries: Sequence[str]) -> Any:
        texts = [self.prompt.replace("{query}", query) for query in queries]
        encoded = self.tokenizer(texts, padding=True, return_tensors="pt")
        return {name: encoded[name].to(self.model.device) for name in ("input_ids", "attention_mask")}

    def _padded(self, outputs: Sequence[Ids]) -> Any:
        length = max(map(len, outputs))
        rows = [[*ids, *[_IGNORED] * (length - len(ids))] for ids in outputs]
        return self._torch.tensor(rows, device=self.model.device)

    @abstractmethod
    def logits(self, model: Any, queries: Sequence[str], outputs: Sequence[Ids]) -> tuple[Any, Any]:
        """(logits, labels) of shapes (b, t, vocabulary) and (b, t); labels are -100 behind the end of an output."""

    @abstractmethod
    def _skipped(self, inputs: Any) -> int:
        """How many ids of a generated row come before the output."""

    def save(self, folder: Path) -> None:
        """Weights (safetensors), configuration and tokenizer into an existing folder; adapters are merged first."""
        model = self.model.merge_and_unload() if hasattr(self.model, "merge_and_unload") else self.model
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


class Seq2Seq(Policy):
    """An encoder reads the query, a decoder writes the list."""

    shape = "seq2seq"
    prompt = "{query}"

    def logits(self, model: Any, queries: Sequence[str], outputs: Sequence[Ids]) -> tuple[Any, Any]:
        labels = self._padded(outputs)
        begun = model.prepare_decoder_input_ids_from_labels(labels)  # with `labels` it would work out a loss of its own
        return model(**self._inputs(queries), decoder_input_ids=begun).logits, labels

    def _skipped(self, inputs: Any) -> int:
        return 1  # the decoder's start token


class Causal(Policy):
    """One stack goes on with a prompt. The tokenizer pads on the left, so that all outputs begin at one column."""

    shape = "causal"
    prompt = PROMPT

    def logits(self, model: Any, queries: Sequence[str], outputs: Sequence[Ids]) -> tuple[Any, Any]:
        torch = self._torch
        inputs, labels = self._inputs(queries), self._padded(outputs)
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

    def _skipped(self, inputs: Any) -> int:
        return int(inputs["input_ids"].shape[1])


def token_log_probs(logits: Any, labels: Any) -> tuple[Any, Any]:
    """(log probability of each label, mask), both (b, t) float; 0 where the mask is 0."""
    mask = (labels != _IGNORED).float()
    chosen = logits.log_softmax(-1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return chosen * mask, mask
