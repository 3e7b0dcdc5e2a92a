"""Boots real Elasticsearch, OpenSearch and Redis servers on this machine, without Docker."""

from .commands import KINDS
from .errors import EnginePrepareFailed, EngineStartFailed, EngineToolsMissing
from .launcher import EngineStatus, down, prepare, running_engine, status, up
from .state import RunningEngine
from .versions import parse_versions, pinned_versions

__all__ = [
    "KINDS",
    "EnginePrepareFailed",
    "EngineStartFailed",
    "EngineStatus",
    "EngineToolsMissing",
    "RunningEngine",
    "down",
    "parse_versions",
    "pinned_versions",
    "prepare",
    "running_engine",
    "status",
    "up",
]
