"""The gate of a build on workers: judged queries on the old and the new index."""

from __future__ import annotations

import logging
from typing import Any

from multirecall.wiring.gate import gate_by_settings
from multirecall.wiring.settings import Settings
from multirecall.workers.finishing import GateOf

__all__ = ["gate_of"]

_log = logging.getLogger("multirecall.workers")


def gate_of(settings: Settings) -> GateOf:
    """The gate by the judgments of the settings; without any, every index passes unjudged, which the log says."""

    def verdict(old: str, new: str) -> dict[str, Any] | None:
        found = gate_by_settings(settings, old, new)
        if found is None:
            _log.warning("no judgments are set: the new index goes live unjudged")
            return None
        return {**found.to_dict(), "passed": found.passed}

    return verdict
