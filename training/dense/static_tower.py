"""The static encoder while it learns: one vector and one weight per token, summed over a text.

    f(text) = sum over tokens t of  w_t v_t

The weight is redundant on paper, but it lets training say "this token means little" in one step instead of 256, and it
goes into the vectors when they are written: serving needs no change and no torch.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.encoders.fingerprint import FileDigests, fingerprint
from multirecall.encoders.static import MAX_TOKENS, default_static_files
from multirecall.encoders.tensor_file import TensorFile
from multirecall.encoders.texts import well_formed
from multirecall.encoders.tokenizing import TokenizerFile

__all__ = ["StaticTower"]

Ids = NDArray[np.int64]


class StaticTower:
    """Starts from the vectors of a StaticEmbedding folder's files, by default those of wordllama.

    Only tokens that the training texts hold are learned; all others keep their vectors.
    """

    encoder_kind = "static"
    learning_rate = 2e-2

    def __init__(self, files: tuple[Path, Path] | None = None) -> None:
        """`files`: vectors (tensor `embedding.weight`) and tokenizer. Raises MissingExtra without wordllama, and
        EncoderError or InvalidInput for files that are not static vectors of that form."""
        vectors_file, self._tokenizer_file = files or default_static_files()
        tensors = TensorFile(vectors_file)
        if "embedding.weight" not in tensors.names:
            raise InvalidInput(
                f"{vectors_file} holds no tensor `embedding.weight`.",
                hint="Train from wordllama's vectors or a StaticEmbedding folder.",
                field="base",
            )
        self._vectors: Float32Array = tensors["embedding.weight"]
        self._tokenizer = TokenizerFile(self._tokenizer_file, max_tokens=MAX_TOKENS, special_tokens=False)
        digests = FileDigests(None)
        self._fingerprint = fingerprint(
            {"tower": "static", "files": [digests.digest(file) for file in (vectors_file, self._tokenizer_file)]}
        )
        self._ids: dict[str, Ids] = {}
        self._used: Ids = np.empty(0, dtype=np.int64)
        self._table = torch.nn.Parameter(torch.empty(0, self._vectors.shape[1]))
        self._log_weights = torch.nn.Parameter(torch.empty(0))

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def prepare(self, texts: Iterable[str]) -> None:
        """Tokenises all texts and takes up the vectors of their tokens."""
        distinct = list(dict.fromkeys(texts))
        ids = [np.array(found, dtype=np.int64) for found in self._tokenizer.token_ids(well_formed(distinct))]
        self._used = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *ids]))
        self._ids = {text: np.searchsorted(self._used, found) for text, found in zip(distinct, ids, strict=True)}
        self._table = torch.nn.Parameter(torch.from_numpy(self._vectors[self._used]))
        self._log_weights = torch.nn.Parameter(torch.zeros(len(self._used)))

    def parameters(self) -> Mapping[str, torch.nn.Parameter]:
        return {"table": self._table, "log_weights": self._log_weights}

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Sums over the texts' tokens; all texts must be among those prepared."""
        ids = [self._ids[text] for text in texts]
        starts = np.cumsum([0, *(len(found) for found in ids[:-1])])
        flat = torch.from_numpy(np.concatenate(ids))
        return functional.embedding_bag(
            flat,
            self._table,
            torch.from_numpy(starts),
            mode="sum",
            per_sample_weights=self._log_weights.exp()[flat],
        )

    def write(self, folder: Path) -> None:
        """A StaticEmbedding folder: `static:FOLDER` opens it."""
        vectors = self._vectors.copy()
        with torch.no_grad():
            vectors[self._used] = (self._table * self._log_weights.exp()[:, None]).numpy()
        save_file({"embedding.weight": vectors}, folder / "model.safetensors")
        shutil.copyfile(self._tokenizer_file, folder / "tokenizer.json")
