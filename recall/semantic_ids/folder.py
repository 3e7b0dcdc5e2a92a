"""The folder that `multirecall train semantic-id` writes: the ids, and beside them the model that writes them.

ids        recall/semantic_ids/artefact.py
model/     recall/generation/onnx_steps.py
"""

from __future__ import annotations

from pathlib import Path

from multirecall.recall.semantic_ids.artefact import open_semantic_ids
from multirecall.recall.semantic_ids.labeller import SemanticIdLabeller

__all__ = ["IDS_FILE", "KIND", "MODEL_FOLDER", "folder_of", "open_id_labeller"]

IDS_FILE, MODEL_FOLDER = "ids", "model"
KIND = "semantic_id"


def open_id_labeller(folder: Path) -> SemanticIdLabeller:
    """The labeller of such a folder. Raises NotFound and IndexCorrupt as `open_semantic_ids` does."""
    return SemanticIdLabeller(stored=open_semantic_ids(folder / IDS_FILE), spec=f"{KIND}:{folder}")


def folder_of(spec: str) -> Path:
    """The folder that a labeller's `spec` names."""
    return Path(spec.partition(":")[2])
