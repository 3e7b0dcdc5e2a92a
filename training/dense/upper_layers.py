"""The upper layers of a transformer alone, over activations of the lower ones that are computed once for each text.

Lower layers that are not learned give the same activations in every round. Kept, they leave a step only the upper
layers to run forwards and backwards: with two of six, a step of all-MiniLM-L6-v2 takes a third of its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from multirecall.core.errors import InvalidInput, UnsupportedFeature
from multirecall.encoders.texts import well_formed

__all__ = ["UpperLayers"]

_FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")
_BATCH = 32
KEPT_BYTES = 2 * 1024**3


class UpperLayers:
    """Encodes by kept activations; what has no room any more within `keep_bytes` is computed each time."""

    def __init__(self, model: Any, n: int, *, keep_bytes: int = KEPT_BYTES) -> None:
        """The upper `n` layers of a SentenceTransformer. Raises UnsupportedFeature for a family whose layers take more
        than activations and a mask, and InvalidInput for more layers than there are."""
        transformer = model[0].auto_model
        family = str(transformer.config.model_type)
        if family not in _FAMILIES:
            raise UnsupportedFeature(
                f"Upper layers alone are trained for {', '.join(_FAMILIES)}; this model is {family!r}.",
                hint="Train all layers: --layers 0.",
                family=family,
            )
        self._model = model
        self._encoder = transformer.encoder
        self._all: nn.ModuleList = self._encoder.layer
        if not 1 <= n <= len(self._all):
            raise InvalidInput(f"The model has {len(self._all)} layers, got {n}.", field="layers")
        self._lower = nn.ModuleList(list(self._all)[: len(self._all) - n])
        self._upper = nn.ModuleList(list(self._all)[len(self._all) - n :])
        self._kept: dict[str, Tensor] = {}
        self._room = keep_bytes

    @property
    def module(self) -> nn.ModuleList:
        """What is learned."""
        return self._upper

    def encode(self, texts: Sequence[str]) -> Tensor:
        """What the whole model gives for the texts, shape (n, dim), with gradients of the upper layers."""
        states = self._activations(texts)
        order = sorted(range(len(states)), key=lambda at: len(states[at]))  # texts of one length need no padding
        parts = [
            self._through([states[at] for at in order[start : start + _BATCH]])
            for start in range(0, len(order), _BATCH)
        ]
        return torch.cat(parts)[torch.tensor(order).argsort().to(self._device)]

    def _through(self, states: Sequence[Tensor]) -> Tensor:
        hidden = nn.utils.rnn.pad_sequence(list(states), batch_first=True)
        lengths = torch.tensor([len(one) for one in states], device=hidden.device)
        mask = torch.arange(hidden.shape[1], device=hidden.device)[None, :] < lengths[:, None]
        hidden_from = torch.zeros_like(mask, dtype=hidden.dtype).masked_fill(~mask, torch.finfo(hidden.dtype).min)
        for layer in self._upper:
            out = layer(hidden, hidden_from[:, None, None, :])
            hidden = out[0] if isinstance(out, tuple) else out  # transformers 4 gives a tuple
        features = {"token_embeddings": hidden, "attention_mask": mask.long()}
        for module in list(self._model)[1:]:
            features = module(features)
        vectors: Tensor = features["sentence_embedding"]
        return vectors

    def _activations(self, texts: Sequence[str]) -> list[Tensor]:
        """Behind the lower layers, shape (tokens, hidden) for each text."""
        found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = sorted({text for text in texts if text not in found}, key=lambda text: (len(text), text))
        for start in range(0, len(missing), _BATCH):
            part = missing[start : start + _BATCH]
            with torch.no_grad(), self._only_lower():
                features = self._model.preprocess(well_formed(part))
                moved = {key: one.to(self._device) if isinstance(one, Tensor) else one for key, one in features.items()}
                states = self._model[0](moved)["token_embeddings"]
            counts = features["attention_mask"].sum(dim=1).tolist()
            for text, state, n in zip(part, states, counts, strict=True):
                found[text] = state[:n].clone()
                size = found[text].numel() * found[text].element_size()
                if size <= self._room:
                    self._kept[text] = found[text]
                    self._room -= size
        return [found[text] for text in texts]

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(self._model.parameters()).device
        return device

    @contextmanager
    def _only_lower(self) -> Iterator[None]:
        self._encoder.layer = self._lower
        try:
            yield
        finally:
            self._encoder.layer = self._all
