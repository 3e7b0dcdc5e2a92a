"""What is done on a schedule: forgetting what nobody can need any more."""

from __future__ import annotations

import logging

from multirecall.core.errors import EngineError, NotFound
from multirecall.engines.base import Engine
from multirecall.workers.deployment import Deployment

__all__ = ["prune"]

_log = logging.getLogger("multirecall.workers")


def prune(deployment: Deployment) -> int:
    """Forgets tombstones older than `keep_tombstones_s` in all indexes in use; returns how many.

    An index for which that fails is logged and keeps the others from nothing: the next round does it. Raises
    StoreUnavailable.
    """
    pruned = 0
    try:
        with deployment.engine() as engine:
            for info in engine.indexes():
                pruned += _pruned(engine, info.name, deployment.options.keep_tombstones_s)
    except (EngineError, NotFound) as error:
        _log.warning("the indexes could not be listed, the next round prunes them: %s", error)
    _log.info("tombstones pruned", extra={"tombstones": pruned})
    return pruned


def _pruned(engine: Engine, index: str, keep_s: float) -> int:
    try:
        return engine.prune_deleted(keep_s, index=index)
    except (EngineError, NotFound) as error:
        _log.warning("tombstones of %s could not be pruned, the next round does it: %s", index, error)
        return 0
