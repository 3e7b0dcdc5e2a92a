"""Tower: an encoder while it learns. Queries and products go through the same one, as they will when it serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from multirecall.core.errors import MissingExtra

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Tower", "require_torch"]


class Tower(Protocol):
    """Weights that gradients flow into, and the folder that one of our torch-free encoders opens afterwards."""

    @property
    def encoder_kind(self) -> str:
        """The kind of encoder that serves the folder: `static` or `onnx`."""
        ...

    @property
    def learning_rate(self) -> float:
        """What suits this kind of weights."""
        ...

    @property
    def fingerprint(self) -> str:
        """16 hex digits over what it starts from: a checkpoint of other weights is not taken up."""
        ...

    def prepare(self, texts: Iterable[str]) -> None:
        """Told all texts of a training before it begins, once."""
        ...

    def parameters(self) -> Mapping[str, torch.nn.Parameter]:
        """What is learned, by name, always in the same order."""
        ...

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Shape (n, dim), not normalised; a function of the texts and the parameters alone."""
        ...

    def write(self, folder: Path) -> None:
        """Writes the encoder's files into an empty folder."""
        ...


def require_torch() -> None:
    """Raises MissingExtra with the install command where torch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            "Training an encoder needs torch, which is not installed.",
            hint="Run `pip install 'multirecall[train]'`. A trained encoder is served without it.",
            package="torch",
        ) from error
