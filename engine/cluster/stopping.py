"""Stops a cluster and removes what it left."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from multirecall.engine import launcher
from multirecall.engine.locking import locked

from .ordering import stop_waves
from .processes import end_marked, stop_together
from .state import ClusterFolder, RunningService

__all__ = ["down", "stop_services"]


def down(*, keep: bool = False, state_dir: Path | None = None) -> list[str]:
    """The names of what ran and is now stopped, dependants before what they depend on.

    Each gets SIGTERM and, once its grace is over, SIGKILL; whatever it left running is ended after it. Then the folder
    of the cluster goes, with data and logs; `keep` leaves those two for the next `up`. Blocks until all is gone.
    """
    folder = ClusterFolder.of(state_dir)
    if not folder.root.exists():
        return []
    with locked(folder.lock_path):
        state = folder.read()
        stopped = stop_services(state.running.values() if state else (), folder)
        # Without a record of ours (it may be unreadable) the launcher still has its own, and processes their mark.
        stopped += [kind for kind in launcher.down(state_dir=folder.root) if kind not in stopped]
        end_marked(folder.mark)
        if keep:
            for left in folder.root.iterdir():
                if left.name not in ("volumes", "logs", folder.lock_path.name):
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
        else:
            shutil.rmtree(folder.root)
    # The state folder is shared with `make up`: it goes only if nothing else is in it.
    with suppress(OSError):
        folder.root.parent.rmdir()
    return stopped


def stop_services(services: Iterable[RunningService], folder: ClusterFolder) -> list[str]:
    """The names of those that ran, in the order in which they were stopped. Records are left as they are."""
    named = {each.name: each for each in services}
    waits_for = {
        name: [other.name for other in named.values() if other.service in each.waits_for]
        for name, each in named.items()
    }
    stopped: list[str] = []
    for wave in stop_waves(waits_for):
        for name in wave:
            kind = named[name].server_kind
            if kind is not None and launcher.down(kind, state_dir=folder.root):
                stopped.append(name)
        stopped += stop_together(named[name] for name in wave if named[name].server_kind is None)
    return stopped
