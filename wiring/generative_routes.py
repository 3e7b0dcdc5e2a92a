"""Generative routes, opened for an index: the model that its labels name, and the labels that its products have."""

from __future__ import annotations

from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.engines.base import Engine, IndexInfo
from multirecall.recall.base import Route
from multirecall.recall.semantic_ids.folder import KIND, MODEL_FOLDER, folder_of
from multirecall.recall.semantic_ids.route import SemanticIdRoute
from multirecall.recall.semantic_ids.writing import id_writer

__all__ = ["open_multispan_route", "open_semantic_id_route"]


def open_semantic_id_route(engine: Engine, index: IndexInfo, *, k: int) -> SemanticIdRoute:
    """The route with the ids that are in the index now. Reads the labels of all products once.

    An id that first comes with a product written later can be written by the model when the index is opened again, at
    the latest after the next rebuild. Raises InvalidSettings for an index without semantic ids, and what opening the
    model raises.
    """
    labels, vectors = index.schema.label(KIND), index.schema.vectors
    if labels is None or not vectors:
        raise InvalidSettings(
            f"Index {index.name} has no semantic ids, so route {KIND!r} cannot run.",
            hint="`multirecall train semantic-id`, then rebuild with MULTIRECALL_LABELS=semantic_id:FOLDER.",
            field="routes",
        )
    from multirecall.recall.generation.onnx_steps import open_onnx_steps  # only now: it loads onnxruntime

    model = open_onnx_steps(folder_of(labels.labeller) / MODEL_FOLDER)
    start = labels.value("")
    held = {
        label[len(start) :]
        for record in engine.scan(["labels"], index=index.name)
        for label in record.get("labels") or ()
        if label.startswith(start)
    }
    return SemanticIdRoute(writer=id_writer(model, sorted(held)), labels=labels, vector_field=vectors[0].name, k=k)


def open_multispan_route(folder: Path | None, *, k: int) -> Route:
    """The route of a folder. Raises InvalidSettings without one, and what opening it raises."""
    from multirecall.recall.multispan.folder import open_span_writer  # onnxruntime, for those alone who use it
    from multirecall.recall.multispan.route import MultiSpanRoute

    if folder is None:
        raise InvalidSettings(
            "Route 'multispan' has no model.",
            hint="`multirecall train multispan --out FOLDER`, then set MULTIRECALL_MULTISPAN=FOLDER.",
            field="multispan",
        )
    return MultiSpanRoute(writer=open_span_writer(folder.expanduser()), k=k)
