"""OnnxEncoder: BERT-family sentence encoders on onnxruntime, without torch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

from multirecall.core.errors import EncoderError
from multirecall.encoders.base import Float32Array
from multirecall.encoders.batching import batches, padded
from multirecall.encoders.fingerprint import FileDigests, fingerprint
from multirecall.encoders.onnx_session import RUNTIME_ERRORS, open_session
from multirecall.encoders.sentence_model import Prompts, SentenceModel
from multirecall.encoders.storing import write_atomically
from multirecall.encoders.texts import well_formed
from multirecall.encoders.tokenizing import TokenizerFile

__all__ = ["GRAPH_VERSION", "OnnxEncoder", "open_onnx"]

GRAPH_VERSION = 3
"""Raise it with every change to the building of graphs that changes a vector: it is part of the fingerprint."""

_CHUNK_TEXTS = 1_024
"""Texts tokenised at a time: bounds the memory of the token lists, and texts are sorted by length within it."""

_MAX_PADDED_TOKENS = {"fp32": 1_024, "int8": 1}
"""In int8 the scale of the activations is taken over the whole batch, so each text is a batch of its own: its
vector must not depend on its neighbours. On a CPU a batch gains little over one text anyway."""

_log = logging.getLogger(__name__)


class OnnxEncoder:
    """Rows of length 1, (n, dim) float32; a text is cut after `max_tokens` tokens (special tokens included).

    One text is encoded on the calling thread, several on up to `n_threads` threads, one batch each. Safe for several
    threads; not across a fork: open it in the child.
    """

    def __init__(
        self,
        *,
        session: onnxruntime.InferenceSession,
        tokenizer: TokenizerFile,
        pad_id: int,
        prompts: Prompts,
        max_tokens: int,
        precision: str,
        n_threads: int,
        spec: str,
        name: str,
        fingerprint: str,
    ) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._pad_id = pad_id
        self._prompts = prompts
        self._max_tokens = max_tokens
        self._max_padded_tokens = _MAX_PADDED_TOKENS[precision]
        self._n_threads = n_threads
        self._spec = spec
        self._name = name
        self._fingerprint = fingerprint
        self._dim = int(session.get_outputs()[0].shape[1])

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
        return self._max_tokens

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts, self._prompts.query)

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts, self._prompts.product)

    def _encode(self, texts: Sequence[str], prompt: str) -> Float32Array:
        clean = [prompt + text for text in well_formed(texts)] if prompt else well_formed(texts)
        if len(clean) == 1:  # a query: making batches of it would add a twentieth to its time
            return self._run(self._tokenizer.token_ids(clean))
        rows = np.empty((len(clean), self._dim), dtype=np.float32)
        for start in range(0, len(clean), _CHUNK_TEXTS):
            chunk = clean[start : start + _CHUNK_TEXTS]
            token_ids = self._tokenizer.token_ids(chunk)
            parts = list(batches([len(ids) for ids in token_ids], self._max_padded_tokens))
            vectors = self._run_all([[token_ids[at] for at in part] for part in parts])
            for part, found in zip(parts, vectors, strict=True):
                rows[start + part] = found
        return rows

    def _run_all(self, parts: Sequence[Sequence[Sequence[int]]]) -> list[Float32Array]:
        if len(parts) == 1 or self._n_threads == 1:
            return [self._run(part) for part in parts]
        with ThreadPoolExecutor(self._n_threads, thread_name_prefix="encode") as pool:
            return list(pool.map(self._run, parts))

    def _run(self, token_ids: Sequence[Sequence[int]]) -> Float32Array:
        ids, mask = padded(token_ids, self._pad_id)
        try:
            vectors: Float32Array = self._session.run(["vectors"], {"input_ids": ids, "attention_mask": mask})[0]
        except RUNTIME_ERRORS as error:
            raise EncoderError(
                f"The encoder {self._name} failed: {error}",
                hint="Does tokenizer.json belong to these weights?",
                encoder=self._spec,
            ) from error
        return vectors


def open_onnx(
    model: SentenceModel, *, precision: str, spec: str, name: str, cache_dir: Path, n_threads: int
) -> OnnxEncoder:
    """The encoder of a model folder; its graph comes from `cache_dir`, or is built and kept there.

    A cache that cannot be written costs the building at each start (some seconds), and is logged. Raises
    EncoderError for damaged weights and UnsupportedFeature for a model that cannot be built.
    """
    tokenizer = TokenizerFile(
        model.tokenizer_file, max_tokens=model.max_tokens, special_tokens=True, lowercase=model.lowercase
    )
    identity = model.identity(FileDigests(cache_dir / "digests"))
    mark = fingerprint({**identity, "encoder": "onnx", "precision": precision, "graph_version": GRAPH_VERSION})
    file = cache_dir / f"{mark}.onnx"
    session = _cached_session(file)
    if session is None:
        graph = _built(model, precision, tokenizer)
        try:
            write_atomically(file, graph)
        except OSError as error:
            _log.warning("The encoder graph could not be kept in %s, so each start builds it: %s", cache_dir, error)
        session = _new_session(graph, model)
    return OnnxEncoder(
        session=session,
        tokenizer=tokenizer,
        pad_id=int(model.config.get("pad_token_id") or 0),
        prompts=model.prompts,
        max_tokens=model.max_tokens,
        precision=precision,
        n_threads=n_threads,
        spec=spec,
        name=f"{name}-onnx-{precision}",
        fingerprint=mark,
    )


def _built(model: SentenceModel, precision: str, tokenizer: TokenizerFile) -> bytes:
    # Imported here: a start that finds its graph in the cache needs neither onnx nor the weights.
    from multirecall.encoders.onnx_graph import float_linear, sentence_encoder_graph
    from multirecall.encoders.quantising import Int8Linear, outlier_channels
    from multirecall.encoders.transformer_weights import read_transformer

    transformer = read_transformer(model.weights_file, model.config)
    if precision == "fp32":
        return sentence_encoder_graph(transformer, pooling=model.pooling, linear=float_linear)
    outliers = outlier_channels(transformer, tokenizer.token_ids([""])[0])
    return sentence_encoder_graph(transformer, pooling=model.pooling, linear=Int8Linear(outliers=outliers))


def _cached_session(file: Path) -> onnxruntime.InferenceSession | None:
    """A session on the cached graph; None if there is none, or if it is damaged and must be built again."""
    if not file.is_file():
        return None
    try:
        return open_session(str(file))
    except RUNTIME_ERRORS as error:
        _log.warning("The cached encoder graph %s is damaged and is built again: %s", file, error)
        return None


def _new_session(graph: bytes, model: SentenceModel) -> onnxruntime.InferenceSession:
    try:
        return open_session(graph)
    except RUNTIME_ERRORS as error:
        raise EncoderError(
            f"onnxruntime {onnxruntime.__version__} cannot open the graph of {model.folder}: {error}",
            hint="Check config.json against the weights, or use `sentence_transformer:` with the extra models.",
            model=str(model.folder),
        ) from error
