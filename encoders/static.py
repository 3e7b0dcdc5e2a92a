"""Static encoder: the mean of fixed word-piece vectors. No neural network, for the largest catalogues.

The default vectors are those of the package wordllama, read from its folder without importing it: the import sets
the root logger to INFO, adds a handler to it and loads libraries that are not needed to average vectors.

| folder | tensor | tokens |
|---|---|---|
| wordllama | `embedding.weight` | all |
| sentence-transformers StaticEmbedding | `embedding.weight` | all |
| Model2Vec | `embeddings` (with `mapping` and `weights` where it has them) | without the unknown token |

Source: wordllama (D. L. Miller, 2024), Model2Vec (S. Tulkens, T. van Dongen, 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multirecall.core.errors import EncoderError, InvalidSettings, MissingExtra
from multirecall.encoders.base import Float32Array
from multirecall.encoders.fingerprint import FileDigests, fingerprint
from multirecall.encoders.locating import package_folder
from multirecall.encoders.tensor_file import TensorFile
from multirecall.encoders.texts import well_formed
from multirecall.encoders.tokenizing import TokenizerFile

__all__ = ["MAX_TOKENS", "StaticEncoder", "default_static_files", "open_static", "static_files"]

MAX_TOKENS = 512
"""Longer texts are cut here; a mean over more pieces blurs."""

_CHUNK_TEXTS = 1_024
_VERSION = 1


class StaticEncoder:
    """Rows of length 1, (n, dim) float32; a text without a known token gives a row of zeros.

    Queries and products are encoded alike. Safe for several threads.
    """

    def __init__(
        self,
        *,
        vectors: Float32Array,
        tokenizer: TokenizerFile,
        skipped_id: int | None,
        spec: str,
        name: str,
        fingerprint: str,
    ) -> None:
        self._vectors = vectors
        self._tokenizer = tokenizer
        self._skipped_id = skipped_id
        self._spec = spec
        self._name = name
        self._fingerprint = fingerprint

    @property
    def spec(self) -> str:
        return self._spec

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    @property
    def max_tokens(self) -> int:
        return MAX_TOKENS

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts)

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Float32Array:
        clean = well_formed(texts)
        rows = np.zeros((len(clean), self.dim), dtype=np.float32)
        for start in range(0, len(clean), _CHUNK_TEXTS):
            token_ids = self._tokenizer.token_ids(clean[start : start + _CHUNK_TEXTS])
            for row, ids in enumerate(token_ids, start=start):
                known = [at for at in ids if at != self._skipped_id] if self._skipped_id is not None else ids
                if known:
                    # One text at a time: its sum cannot depend on its neighbours.
                    rows[row] = self._vectors[known].sum(axis=0)
        lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
        # The sum instead of the mean: dividing by the length takes the factor out.
        rows /= np.where(lengths > 0, lengths, np.float32(1.0))[:, None]
        return rows


def default_static_files() -> tuple[Path, Path]:
    """Vectors and tokenizer of the package wordllama. Raises MissingExtra with the install command."""
    package = package_folder("wordllama")
    if package is None:
        raise MissingExtra(
            "The static encoder needs the vectors of the package wordllama, which is not installed.",
            hint="Run `pip install wordllama`.",
            package="wordllama",
        )
    return (
        package / "weights" / "l2_supercat_256.safetensors",
        package / "tokenizers" / "l2_supercat_tokenizer_config.json",
    )


def static_files(folder: Path) -> tuple[Path, Path]:
    """Vectors and tokenizer of a Model2Vec or StaticEmbedding folder."""
    for part in (folder, folder / "0_StaticEmbedding"):
        if (part / "model.safetensors").is_file() and (part / "tokenizer.json").is_file():
            return part / "model.safetensors", part / "tokenizer.json"
    raise EncoderError(
        f"The folder {folder} holds no static vectors.",
        hint="Give a Model2Vec or StaticEmbedding folder (model.safetensors, tokenizer.json).",
        model=str(folder),
    )


def open_static(
    vectors_file: Path, tokenizer_file: Path, *, dim: int, spec: str, name: str, cache_dir: Path
) -> StaticEncoder:
    """The encoder over the first `dim` components of the vectors (0: all of them).

    Fewer components cost quality slowly where the vectors were made for it (wordllama: 64 and 128 of 256). Raises
    InvalidSettings for more components than there are, EncoderError for files that are not static vectors.
    """
    tensors = TensorFile(vectors_file)
    is_model2vec = "embeddings" in tensors.names
    if not is_model2vec and "embedding.weight" not in tensors.names:
        raise EncoderError(
            f"{vectors_file} holds no static vectors (no tensor `embeddings` or `embedding.weight`).",
            hint="For a transformer use `onnx:` instead of `static:`.",
            file=str(vectors_file),
        )
    vectors = tensors["embeddings" if is_model2vec else "embedding.weight"]
    if dim > vectors.shape[1]:
        raise InvalidSettings(
            f"These static vectors have {vectors.shape[1]} components, got dim={dim}.",
            hint=f"Give dim of {vectors.shape[1]} or less.",
            field="encoder",
        )
    if "mapping" in tensors.names:  # several tokens share a vector
        vectors = vectors[tensors.whole_numbers("mapping")]
    if "weights" in tensors.names:
        vectors = vectors * tensors["weights"].reshape(-1, 1)
    vectors = np.ascontiguousarray(vectors[:, : dim or None])
    tokenizer = TokenizerFile(tokenizer_file, max_tokens=MAX_TOKENS, special_tokens=False)
    unknown = tokenizer.unknown_token if is_model2vec else None
    digests = FileDigests(cache_dir / "digests")
    return StaticEncoder(
        vectors=vectors,
        tokenizer=tokenizer,
        skipped_id=tokenizer.id_of(unknown) if unknown else None,
        spec=spec,
        name=f"{name}-static-{vectors.shape[1]}",
        fingerprint=fingerprint(
            {
                "encoder": "static",
                "version": _VERSION,
                "vectors": digests.digest(vectors_file),
                "tokenizer": digests.digest(tokenizer_file),
                "dim": int(vectors.shape[1]),
                "max_tokens": MAX_TOKENS,
            }
        ),
    )
