"""A sentence-transformers model while it learns, e.g. all-MiniLM-L6-v2; the encoder `onnx` serves what comes out."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from multirecall.core.errors import EncoderError, InvalidInput, MissingExtra
from multirecall.encoders.fingerprint import FileDigests, fingerprint
from multirecall.encoders.locating import default_model_folder, model_folder
from multirecall.encoders.sentence_model import read_sentence_model
from multirecall.encoders.sentence_transformer import quiet_loading
from multirecall.encoders.texts import well_formed
from multirecall.training.dense.upper_layers import UpperLayers

__all__ = ["TransformerTower"]

_WEIGHTS = "model.safetensors"
_NOT_OF_BASE = shutil.ignore_patterns(_WEIGHTS, "card.json", "stage-*", "thresholds.json", "held-out.tsv")
"""What a base that was trained here before does not hand on."""


class TransformerTower:
    """A BERT-family folder that the encoder `onnx` can serve, by path or hub name; default: all-MiniLM-L6-v2.

    Dropout is off: a few thousand pairs and one to three rounds do not overfit, and a step is then a function of its
    batch, so that an interrupted training goes on exactly. `max_tokens` cuts texts: a training step costs in
    proportion to them. Word embeddings stay as they are unless `learn_words`: they are half of the weights, and Adam
    over them costs more than the rest of a step. `layers` above 0 learns so many of the upper layers alone, several
    times as fast (see `upper_layers`). On CUDA texts are encoded in bfloat16, on the CPU in 32 bits.

    `at_once` above 0 encodes so many texts at a time and keeps nothing but their vectors: what the gradients need is
    computed once more for each part. Thousands of queries then fit into one batch, in the memory of one part, to the
    same gradients, for half as much time again (L. Gao et al., "Scaling Deep Contrastive Learning Batch Size under
    Memory Limited Setup", 2021).
    """

    encoder_kind = "onnx"
    learning_rate: float
    """2e-5 for all layers, 3e-4 for upper layers alone: they have to come as far in fewer weights."""

    def __init__(
        self,
        model: str = "",
        *,
        max_tokens: int = 64,
        learn_words: bool = False,
        layers: int = 0,
        device: str = "cpu",
        at_once: int = 0,
    ) -> None:
        """Raises MissingExtra without sentence-transformers, EncoderError or UnsupportedFeature for a model that
        `onnx` cannot serve, and InvalidInput for more layers than there are or a device that is not there."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtra(
                "Training a transformer needs sentence-transformers, which is not installed.",
                hint="Run `pip install 'multirecall[train]'`, or train the static encoder.",
                package="sentence-transformers",
            ) from error
        self.learning_rate = 3e-4 if layers else 2e-5
        self._at_once = at_once
        self._folder = model_folder(model) if model else default_model_folder()
        digests = FileDigests(None)
        self._fingerprint = fingerprint(
            {
                "tower": "transformer",
                **read_sentence_model(self._folder).identity(digests),
                "cut": max_tokens,
                "learn_words": learn_words,
                **({"layers": layers} if layers else {}),
            }
        )
        try:
            with quiet_loading():
                self._model: Any = SentenceTransformer(str(self._folder), device="cpu", trust_remote_code=False)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise EncoderError(
                f"The model {self._folder} could not be loaded: {error}", hint="Fetch it again.", model=model
            ) from error
        self._model.max_seq_length = min(max_tokens, self._model.max_seq_length or max_tokens)
        self._model.eval()
        self._to(device)
        self._upper = UpperLayers(self._model, layers) if layers else None
        inside = None if self._upper is None else {id(one) for one in self._upper.module.parameters()}
        self._learned = {
            name: parameter
            for name, parameter in self._model.named_parameters()
            if ".pooler." not in name
            and (learn_words or ".word_embeddings." not in name)
            and (inside is None or id(parameter) in inside)
        }
        for parameter in self._model.parameters():
            parameter.requires_grad_(False)
        for parameter in self._learned.values():
            parameter.requires_grad_(True)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def prepare(self, texts: Iterable[str]) -> None:
        """Nothing to do: texts are tokenised, and lower layers computed, as they come."""

    def parameters(self) -> Mapping[str, torch.nn.Parameter]:
        return self._learned

    def encode(self, texts: Sequence[str]) -> Tensor:
        if not (torch.is_grad_enabled() and 0 < self._at_once < len(texts)):
            return self._encoded(texts)
        parts = [texts[start : start + self._at_once] for start in range(0, len(texts), self._at_once)]
        return torch.cat([checkpoint(self._encoded, part, use_reentrant=False) for part in parts])

    def _encoded(self, texts: Sequence[str]) -> Tensor:
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._device.type == "cuda"):
            if self._upper is not None:
                return self._upper.encode(texts).float()
            features = self._model.preprocess(well_formed(texts))
            moved = {key: one.to(self._device) if isinstance(one, Tensor) else one for key, one in features.items()}
            vectors: Tensor = self._model(moved)["sentence_embedding"]
        return vectors.float()

    def _to(self, device: str) -> None:
        try:
            self._device = torch.device(device)
            self._model.to(self._device)
        except (RuntimeError, AssertionError) as error:
            raise InvalidInput(
                f"The device {device!r} cannot be used: {error}", hint="Use cpu.", field="device"
            ) from error

    def write(self, folder: Path) -> None:
        """The base's folder with the learned weights in the place of its own: `onnx:FOLDER` opens it."""
        shutil.copytree(self._folder, folder, dirs_exist_ok=True, ignore=_NOT_OF_BASE)
        tensors = load_file(str(self._folder / _WEIGHTS))
        learned = {_bare(name): parameter.detach().cpu().contiguous() for name, parameter in self._learned.items()}
        missing = sorted(_bare(name) for name in tensors if _bare(name) in learned)
        if len(missing) != len(learned):
            raise EncoderError(
                f"{len(learned) - len(missing)} learned tensors have no place in {self._folder / _WEIGHTS}.",
                hint="Save the base again with sentence-transformers.",
                model=str(self._folder),
            )
        written = {
            name: learned.get(_bare(name), tensor).to(tensor.dtype).contiguous() for name, tensor in tensors.items()
        }
        save_file(written, str(folder / _WEIGHTS), metadata={"format": "pt"})


def _bare(name: str) -> str:
    """The tensor's name from `embeddings.` or `encoder.` on: what stands before differs by who wrote the file."""
    for part in ("embeddings.", "encoder."):
        at = name.find(part)
        if at >= 0:
            return name[at:]
    return name
