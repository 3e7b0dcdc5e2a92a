"""How a graph is run: on the thread that asks, with what onnxruntime raises under one name."""

from __future__ import annotations

import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    RuntimeException,
)
from onnxruntime.capi.onnxruntime_pybind11_state import (
    NotImplemented as NotImplementedByRuntime,
)

__all__ = ["RUNTIME_ERRORS", "open_session"]

RUNTIME_ERRORS = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplementedByRuntime, RuntimeException)
"""What onnxruntime raises; its errors share no base of their own."""

_ONLY_ERRORS = 3


def open_session(graph: bytes | str) -> onnxruntime.InferenceSession:
    """A session on a graph, or on the file of one. Raises one of RUNTIME_ERRORS if it cannot be opened."""
    options = onnxruntime.SessionOptions()
    # A run stays on the thread that asked for it. Products of short texts are too small to share: two cores on one
    # query save a tenth of its time and, while they wait for each other, take a core from the engine.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
