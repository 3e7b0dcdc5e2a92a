"""TorchSteps: a policy as the beam search asks it, with torch; for training, for measuring, and for causal models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.recall.generation.base import Float32Array
from multirecall.training.generation import drawing
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Policy

__all__ = ["TorchSteps"]


class TorchSteps:
    """A StepModel of the policy's weights as they are at each call; not to be used while they are trained."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._torch = required("torch")
        policy.model.eval()

    @property
    def vocab(self) -> int:
        return int(self._policy.model.config.vocab_size)

    @property
    def end(self) -> int:
        return self._policy.end

    def begin(self, texts: Sequence[str]) -> _TorchDecoding:
        with self._torch.inference_mode():
            return _TorchDecoding(self._policy.begin(texts), self._torch, self._policy.model.device)


class _TorchDecoding:
    """The rows of a batch, with the model's own cache, put into the order of the parents before each step."""

    def __init__(self, decoding: drawing.Decoding, torch: Any, device: Any) -> None:
        self._decoding = decoding
        self._torch = torch
        self._device = device

    def first(self) -> Float32Array:
        with self._torch.inference_mode():
            return self._log_probs(self._decoding.start())

    def step(self, parents: NDArray[np.integer[Any]], tokens: NDArray[np.integer[Any]]) -> Float32Array:
        rows, ids = (
            self._torch.from_numpy(np.asarray(given, dtype=np.int64)).to(self._device) for given in (parents, tokens)
        )
        with self._torch.inference_mode():
            self._decoding.keep(rows)
            return self._log_probs(self._decoding.step(ids))

    def _log_probs(self, logits: Any) -> Float32Array:
        told: Float32Array = self._torch.log_softmax(logits.float(), dim=-1).cpu().numpy()
        return told
