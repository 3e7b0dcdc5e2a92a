"""The folder that `multirecall train multispan` writes: the titles as tokens, and the model that writes their spans.

titles/    recall/fm_index/folder.py
model/     recall/generation/onnx_steps.py
"""

from __future__ import annotations

from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.recall.fm_index.folder import open_fm_index
from multirecall.recall.generation.onnx_steps import open_onnx_steps
from multirecall.recall.multispan.writing import SpanWriter

__all__ = ["MODEL_FOLDER", "SEPARATOR", "TITLES_FOLDER", "open_span_writer"]

TITLES_FOLDER, MODEL_FOLDER = "titles", "model"
SEPARATOR = "<sep>"


def open_span_writer(folder: Path, *, beam: int = 10) -> SpanWriter:
    """The writer of a folder. Raises NotFound and IndexCorrupt for its titles, EncoderError for its model."""
    model = open_onnx_steps(folder / MODEL_FOLDER)
    separator = model.id_of(SEPARATOR)
    if separator is None:
        raise InvalidSettings(
            f"The model in {folder} has no separator of spans.", hint="Train it anew.", field="multispan"
        )
    return SpanWriter(model=model, index=open_fm_index(folder / TITLES_FOLDER), separator=separator, beam=beam)
