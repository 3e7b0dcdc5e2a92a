"""Encoder: text to vectors. Each encoder runs once per query, even for two routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoder", "Float32Array"]

Float32Array = NDArray[np.float32]


@runtime_checkable
class Encoder(Protocol):
    """Texts in, rows of length 1 out: shape (n, dim), float32; `[]` gives shape (0, dim).

    The empty text is allowed and gives a row (of zeros if the model sees no token). The output for a text does
    not depend on its neighbours in the batch beyond float rounding. Safe for several threads.
    """

    @property
    def spec(self) -> str:
        """The specification that opens the same encoder again (`onnx`, `static?dim=256`, …)."""
        ...

    @property
    def name(self) -> str:
        """Short name for logs and reports, e.g. `all-MiniLM-L6-v2-onnx-int8`."""
        ...

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Longer texts are cut here; 0: no limit."""
        ...

    @property
    def fingerprint(self) -> str:
        """16 hex digits over weights, tokenizer, pooling, precision and truncation."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Float32Array: ...

    def encode_products(self, texts: Sequence[str]) -> Float32Array: ...
