"""What is done on a schedule: forgetting what nobody can need any more."""

from __future__ import annotations

import logging

from multirecall.core.errors import EngineError, NotFound
from multirecall.workers.deployment import Deployment

__all__ = ["prune"]

_log = logging.getLogger("multirecall.workers")


def prune(deployment: Deployment) -> int:
    """Forgets tombstones older than `keep_tombstones_s` in all indexes in use; returns how many.

    An engine that does not answer is logged: the next round does it. Raises StoreUnavailable.
    """
    pruned = 0
    try:
        with deployment.engine() as engine:
            for info in engine.indexes():
                pruned += engine.prune_deleted(deployment.options.keep_tombstones_s, index=info.name)
    except (EngineError, NotFound) as error:
        _log.warning("tombstones could not be pruned, the next round does it: %s", error)
    _log.info("tombstones pruned", extra={"tombstones": pruned})
    return pruned
