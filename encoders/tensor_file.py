"""Tensors of a safetensors file, as float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multirecall.core.errors import EncoderError
from multirecall.encoders.base import Float32Array

__all__ = ["TensorFile"]


class TensorFile:
    """The file's tensors by name; each is read when asked for. Half precision is widened to float32."""

    def __init__(self, file: Path) -> None:
        """Raises EncoderError if the file cannot be read."""
        self.file = file
        self._open = _opened(file)
        self.names: frozenset[str] = frozenset(self._open.keys())

    def __getitem__(self, name: str) -> Float32Array:
        return np.ascontiguousarray(self._open.get_tensor(name), dtype=np.float32)

    def whole_numbers(self, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """A tensor of whole numbers, as int64."""
        return np.asarray(self._open.get_tensor(name), dtype=np.int64)


def _opened(file: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(file), framework="np")
    except (SafetensorError, OSError) as error:
        raise EncoderError(
            f"The weights {file} cannot be read: {error}", hint="Fetch the model again.", file=str(file)
        ) from error
