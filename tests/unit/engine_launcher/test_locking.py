"""The lock of a state folder."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from multirecall.engine.locking import locked


def test_locked_when_the_holder_removes_the_folder_then_the_next_one_locks_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    order: list[str] = []
    inside, waiting = threading.Event(), threading.Event()

    def second() -> None:
        inside.wait()
        waiting.set()
        with locked(path):
            order.append("second")
            assert path.exists()

    thread = threading.Thread(target=second)
    thread.start()
    with locked(path):
        inside.set()
        waiting.wait()
        shutil.rmtree(path.parent)
        order.append("first")
    thread.join(timeout=30)
    assert order == ["first", "second"]
