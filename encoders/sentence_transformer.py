"""Any sentence-transformers model, run by torch: the reference for `onnx`, and the way to what it does not build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from multirecall.core.errors import EncoderError, MissingExtra
from multirecall.encoders.base import Float32Array
from multirecall.encoders.fingerprint import fingerprint
from multirecall.encoders.sentence_model import Prompts, prompts_from
from multirecall.encoders.texts import well_formed

__all__ = ["SentenceTransformerEncoder", "open_sentence_transformer", "quiet_loading"]

_BATCH_TEXTS = 32


class SentenceTransformerEncoder:
    """Rows of length 1, (n, dim) float32, whatever the model's own last module is.

    Safe for several threads as far as the model's own modules are (those of sentence-transformers are).
    """

    def __init__(self, *, model: Any, spec: str, name: str) -> None:
        self._model = model
        self._spec = spec
        self._name = name
        self._prompts: Prompts = prompts_from(model.prompts)
        self._fingerprint = _fingerprint(model, self._prompts)
        self._dim = _dimension(model)

    @property
    def spec(self) -> str:
        return self._spec

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def max_tokens(self) -> int:
        return int(self._model.max_seq_length or 0)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts, self._prompts.query)

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts, self._prompts.product)

    def _encode(self, texts: Sequence[str], prompt: str) -> Float32Array:
        if len(texts) == 0:
            return np.empty((0, self._dim), dtype=np.float32)
        vectors = self._model.encode(
            well_formed(texts),
            prompt=prompt,
            batch_size=_BATCH_TEXTS,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)


def open_sentence_transformer(model: str, *, device: str, spec: str, name: str) -> SentenceTransformerEncoder:
    """The encoder of a folder or hub name on a torch device (`cpu`, `cuda`, `cuda:1`, `mps`).

    No code that comes with a model is run. Blocks for seconds (torch), and on the network for a hub name that is
    not in the hub's cache. Raises MissingExtra without the extra `models`, EncoderError for a model that cannot be
    loaded.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtra(
            "The encoder `sentence_transformer` needs torch and sentence-transformers.",
            hint="Run `pip install 'multirecall[models]'`, or use the encoder `onnx`.",
            package="sentence-transformers",
        ) from error
    try:
        with quiet_loading():
            loaded = SentenceTransformer(model, device=device, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise EncoderError(
            f"The model {model!r} could not be loaded: {error}",
            hint="Check the name and the network, or give the path of a local model folder.",
            model=model,
        ) from error
    return SentenceTransformerEncoder(model=loaded, spec=spec, name=name)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without the progress bar that transformers draws for each set of weights; as it was, afterwards."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging
    was_drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_drawn:
            logging.enable_progress_bar()


def _dimension(model: Any) -> int:
    # Renamed in sentence-transformers 5; the old name warns there.
    dimension = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    return int(dimension())


def _fingerprint(model: Any, prompts: Prompts) -> str:
    """Over the weights as loaded, so that it does not matter where they came from."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        if ".pooler." in name:
            # Not read for sentence vectors, and where a model was saved without it, loading fills it at random.
            continue
        array = tensor.detach().cpu().float().numpy()
        digest.update(f"{name}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return fingerprint(
        {
            "encoder": "sentence_transformer",
            "weights": digest.hexdigest(),
            "tokenizer": _tokenizer_digest(model.tokenizer),
            "modules": [repr(module) for module in model],
            "max_tokens": model.max_seq_length,
            "prompts": [prompts.query, prompts.product],
        }
    )


def _tokenizer_digest(tokenizer: Any) -> str:
    """Over the vocabulary and, where the tokenizer is a fast one, its rules.

    Truncation and padding are left out: calls change them, and `max_tokens` stands for them.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        rules = {"vocabulary": sorted(tokenizer.get_vocab().items())}
    else:
        rules = json.loads(backend.to_str())
        rules.pop("truncation", None)
        rules.pop("padding", None)
    return fingerprint({"rules": rules})
