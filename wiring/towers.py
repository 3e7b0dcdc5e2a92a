"""The encoder that a training starts from, by what a command says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirecall.core.errors import InvalidInput

if TYPE_CHECKING:
    from multirecall.training.dense.base import Tower

__all__ = ["DEFAULT_LAYERS", "base_kind", "tower_of"]

DEFAULT_LAYERS = 1
"""Of all-MiniLM-L6-v2: a step on two cores takes a ninth of the time of all six layers."""


def base_kind(base: str) -> str:
    """`static` or `onnx`. Raises InvalidInput for a base that cannot be trained."""
    kind = base.partition("?")[0].partition(":")[0]
    if kind not in ("static", "onnx"):
        raise InvalidInput(
            f"The base {base!r} cannot be trained.",
            hint="Use onnx, onnx:FOLDER, static or static:FOLDER.",
            field="base",
        )
    return kind


def tower_of(base: str, *, layers: int = DEFAULT_LAYERS, device: str = "cpu", at_once: int = 0) -> Tower:
    """The tower of a specification as an encoder has it; a kind alone is all-MiniLM-L6-v2, or wordllama's vectors.

    `layers`, `device` and `at_once` are a transformer's, as `TransformerTower` has them. Raises InvalidInput for other
    bases, and what the towers raise.
    """
    model = base.partition("?")[0].partition(":")[2]
    if base_kind(base) == "onnx":
        from multirecall.training.dense.transformer_tower import TransformerTower

        return TransformerTower(model, layers=layers, device=device, at_once=at_once)
    from multirecall.encoders.locating import model_folder
    from multirecall.encoders.static import static_files
    from multirecall.training.dense.static_tower import StaticTower

    return StaticTower(static_files(model_folder(model)) if model else None)
