"""What can go wrong between asking for an engine and having one.

MultirecallError
├── MissingExtra
│   └── EngineToolsMissing     no JDK, Maven or redis-server: carries what to install
└── EngineError
    ├── EnginePrepareFailed    the download or the compilation failed: carries the end of the output
    └── EngineUnavailable
        └── EngineStartFailed  the server ended or never answered: carries the end of its log
"""

from __future__ import annotations

from multirecall.core.errors import EngineError, EngineUnavailable, MissingExtra

__all__ = ["EnginePrepareFailed", "EngineStartFailed", "EngineToolsMissing"]


class EngineToolsMissing(MissingExtra):
    """A program that boots this engine is absent. `data["tool"]` names it, `hint` says what to install."""

    code = "engine_tools_missing"


class EnginePrepareFailed(EngineError):
    """The engine could not be downloaded or compiled. `data["output_tail"]` holds the last lines."""

    code = "engine_prepare_failed"


class EngineStartFailed(EngineUnavailable):
    """The server process ended or did not answer in time. `data` holds `log_path` and `log_tail`."""

    code = "engine_start_failed"
