"""A model's folder: written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.fusion.blender_model import MODEL_FILES, BlenderModel
from multirecall.training.blender.placing import written_whole

__all__ = ["check_target", "save_blender"]


def check_target(path: Path) -> None:
    """Raises InvalidSettings if a model cannot take that place: a file lies there, or a folder with something else."""
    if path.exists() and not (path.is_dir() and {entry.name for entry in path.iterdir()} <= set(MODEL_FILES)):
        raise InvalidSettings(
            f"{path} exists and is no blender model.", hint="Choose another folder with --out.", field="out"
        )


def save_blender(model: BlenderModel, path: Path) -> None:
    """Writes the model's files to the folder `path`, in the place of a model that lies there, in one step.

    Raises InvalidSettings as check_target does, and if the folder cannot be written.
    """
    check_target(path)
    with written_whole(path) as made:
        for name, text in model.to_files().items():
            (made / name).write_text(text, encoding="utf-8")
