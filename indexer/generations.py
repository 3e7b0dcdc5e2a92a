"""The physical indexes of one name over time: which are left over, which may go."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from multirecall.core.errors import InvalidInput, InvalidSettings, NotFound
from multirecall.engines.base import Engine, IndexInfo

__all__ = [
    "build_mark",
    "drop_abandoned",
    "drop_old",
    "indexes_before",
    "line_of_generations",
    "live_index",
    "rollback_to",
]

_LONGEST_BUILD_S = 24 * 3600.0
"""A build on another machine that began longer ago is taken for dead."""


def build_mark(replaces: str | None) -> dict[str, Any]:
    """Who builds, and the index that was live then: kept in the new index's metadata, so that a later build can tell a
    dead build from a running one, and those that once served from those that never did."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started_at": time.time(), "replaces": replaces}


def live_index(engine: Engine) -> IndexInfo | None:
    """The index that serves now; None before the first build, or if another version of the layout wrote it."""
    try:
        return engine.info()
    except (NotFound, InvalidSettings):  # InvalidSettings: its schema is not readable, so nothing can be reused
        return None


def indexes_before(engine: Engine) -> list[IndexInfo]:
    """All physical indexes, or none if another version of the layout wrote one of them."""
    try:
        return engine.indexes()
    except InvalidSettings:
        return []


def drop_abandoned(engine: Engine) -> list[str]:
    """Drops what builds left behind that were killed (an interrupted build cleans up itself); returns the names.

    Such an index never served, and its builder is gone: a process of this machine that no longer runs, or one of
    another machine that began more than a day ago.
    """
    before = indexes_before(engine)
    served = _line_of(before, next((info.name for info in before if info.live), None))
    dropped = [
        info.name for info in before if info.name not in served and _is_abandoned(info.schema.metadata.get("build"))
    ]
    for name in dropped:
        engine.drop(name)
    return dropped


def drop_old(engine: Engine, previous: str | None, keep: int) -> list[str]:
    """Drops those that served before, but for the `keep - 1` latest (the new live one is the first); returns the names.

    `previous` is the one that served until now. Indexes that never served are left alone: another process may be at
    work on them.
    """
    dropped = _line_of(indexes_before(engine), previous)[keep - 1 :]
    for name in dropped:
        engine.drop(name)
    return dropped


def line_of_generations(engine: Engine) -> list[str]:
    """The live index, the one it replaced, the one that replaced, and so on, as far as they are still there."""
    infos = indexes_before(engine)
    return _line_of(infos, next((info.name for info in infos if info.live), None))


def rollback_to(engine: Engine, wanted: str | None = None) -> str:
    """The index that a rollback makes live: the one before the live one, or the named one. Swaps nothing.

    Raises NotFound if there is none, InvalidInput for the live one.
    """
    infos = engine.indexes()
    live = engine.info().name
    if wanted is None:
        line = line_of_generations(engine)
        if len(line) < 2:
            raise NotFound(
                f"There is no index before {live}.", hint="`multirecall generations` lists those there are.", index=live
            )
        return line[1]
    if wanted not in {info.name for info in infos}:
        known = ", ".join(info.name for info in infos)
        raise NotFound(f"There is no index {wanted!r}.", hint=f"There are: {known}.", index=wanted)
    if wanted == live:
        raise InvalidInput(f"Index {wanted} is live already.", field="to")
    return wanted


def _line_of(indexes: list[IndexInfo], name: str | None) -> list[str]:
    """The index, the one it replaced, the one that replaced, and so on, as far as they are still there."""
    marks = {info.name: info.schema.metadata.get("build") for info in indexes}
    line: list[str] = []
    while name in marks and name not in line:
        line.append(name)
        mark = marks[name]
        name = mark.get("replaces") if isinstance(mark, Mapping) else None
    return line


def _is_abandoned(mark: object) -> bool:
    if not isinstance(mark, Mapping):
        return False  # made by hand or by another tool: not ours to drop
    if "job" in mark:
        return False  # workers build it, on any machine; the next job drops what a given-up one left
    if mark.get("host") != socket.gethostname():
        started = mark.get("started_at")
        return isinstance(started, int | float) and time.time() - started > _LONGEST_BUILD_S
    pid = mark.get("pid")
    return isinstance(pid, int) and not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
