"""Drawing outputs from a policy, token by token. Outputs are short and their lengths differ, so a finished one leaves
the batch at once: `generate` of transformers would carry it along until the longest is done, which doubles the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from multirecall.training.generation.extras import required

__all__ = ["CausalDecoding", "Decoding", "Seq2SeqDecoding", "chooser", "draw", "read_texts"]

Choose = Callable[[Any], Any]
"""The next ids, (b,), of logits (b, vocabulary)."""


class Decoding(Protocol):
    """A batch of outputs in the making, with what the model remembers of them."""

    def start(self) -> Any:
        """The logits of every row's first token, (rows, vocabulary)."""
        ...

    def step(self, ids: Any) -> Any:
        """The logits behind the ids (rows,) that were chosen last."""
        ...

    def keep(self, rows: Any) -> None:
        """Goes on with these rows alone, in this order; a row may be named again."""
        ...


def read_texts(model: Any, inputs: Any, rows: Sequence[int]) -> dict[str, Any]:
    """What the encoder made of the inputs, in the order of `rows`, as a seq2seq model's decoder takes it."""
    states = model.get_encoder()(**inputs).last_hidden_state[rows]
    return {"encoder_outputs": (states,), "attention_mask": inputs["attention_mask"][rows]}


class Seq2SeqDecoding:
    """The decoder goes on; what the encoder read stays."""

    def __init__(self, model: Any, read: dict[str, Any]) -> None:
        self._model = model
        self._read = read
        self._cache: Any = None

    def start(self) -> Any:
        mask = self._read["attention_mask"]
        return self.step(mask.new_full((len(mask),), self._model.config.decoder_start_token_id))

    def step(self, ids: Any) -> Any:
        out = self._model(**self._read, decoder_input_ids=ids.unsqueeze(1), past_key_values=self._cache, use_cache=True)
        self._cache = out.past_key_values
        return out.logits[:, -1]

    def keep(self, rows: Any) -> None:
        self._cache.batch_select_indices(rows)
        self._read = {
            "encoder_outputs": (self._read["encoder_outputs"][0][rows],),
            "attention_mask": self._read["attention_mask"][rows],
        }


class CausalDecoding:
    """One stack goes on. A prompt is read once for its `each` outputs."""

    def __init__(self, model: Any, inputs: Any, each: int) -> None:
        self._model = model
        self._inputs = inputs
        self._each = each
        self._mask = inputs["attention_mask"].repeat_interleave(each, 0)
        self._cache: Any = None

    def start(self) -> Any:
        positions = (self._inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
        out = self._model(**self._inputs, position_ids=positions, use_cache=True)
        self._cache = out.past_key_values
        self._cache.batch_repeat_interleave(self._each)
        return out.logits[:, -1].repeat_interleave(self._each, 0)

    def step(self, ids: Any) -> Any:
        self._mask = required("torch").nn.functional.pad(self._mask, (0, 1), value=1)
        out = self._model(
            input_ids=ids.unsqueeze(1),
            attention_mask=self._mask,
            position_ids=self._mask.sum(1, keepdim=True) - 1,
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache = out.past_key_values
        return out.logits[:, -1]

    def keep(self, rows: Any) -> None:
        self._cache.batch_select_indices(rows)
        self._mask = self._mask[rows]


def chooser(*, temperature: float, top_p: float, greedy: bool) -> Choose:
    """The likeliest id of each row, or one drawn with torch's global generator: one random number per row.

    `top_p` below 1 draws from the smallest set of likeliest ids that reaches this probability.
    """
    torch = required("torch")

    def likeliest(logits: Any) -> Any:
        return logits.argmax(-1)

    def drawn(logits: Any) -> Any:
        shares, order = (logits.float() / temperature).softmax(-1), None
        if top_p < 1:
            shares, order = shares.sort(-1, descending=True)
        reached = shares.cumsum(-1)
        last = (reached < top_p).sum(-1, keepdim=True) if top_p < 1 else torch.full_like(reached[:, :1], -1)
        last = last.long().remainder(reached.shape[1])
        at = torch.rand(len(reached), 1, device=reached.device) * reached.gather(1, last)
        chosen = torch.searchsorted(reached, at, right=True).minimum(last)
        return (chosen if order is None else order.gather(1, chosen))[:, 0]

    return likeliest if greedy else drawn


def draw(decoding: Decoding, choose: Choose, *, end: int, most: int) -> list[list[int]]:
    """The ids of every row, up to and with `end`, `most` at most."""
    logits = decoding.start()
    outputs: list[list[int]] = [[] for _ in range(len(logits))]
    open_rows = list(range(len(outputs)))
    while True:
        ids = choose(logits)
        chosen = ids.tolist()
        for row, token in zip(open_rows, chosen, strict=True):
            outputs[row].append(token)
        unfinished = [i for i, token in enumerate(chosen) if token != end and len(outputs[open_rows[i]]) < most]
        if not unfinished:
            return outputs
        if len(unfinished) < len(open_rows):
            ids = ids[unfinished]
            decoding.keep(unfinished)
            open_rows = [open_rows[i] for i in unfinished]
        logits = decoding.step(ids)
