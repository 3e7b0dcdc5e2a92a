"""Keys of a file: one that is taken away or added counts within seconds, and a broken file changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.service.access import key_ring
from multirecall.service.keys import KeyRing, Role, key_line, new_key, read_keys
from multirecall.service.watched_keys import WatchedKeys
from multirecall.wiring.settings import load_settings

KEYS = {name: new_key() for name in ("shop", "other")}
LINES = {name: key_line(name, Role.SEARCH, key) for name, key in KEYS.items()}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_key_that_is_taken_away_or_added_counts_a_second_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "keys.txt", Clock()

    def read() -> tuple[object, ...]:
        return read_keys(path.read_text(), source="keys")

    path.write_text(LINES["shop"])
    ring = WatchedKeys(read(), path=path, read=read, clock=clock)  # type: ignore[arg-type]

    def known() -> set[str]:
        clock.now += 1.0
        return {name for name, key in KEYS.items() if ring.find(key)}

    assert known() == {"shop"}
    path.write_text("\n".join(LINES.values()))
    assert ring.find(KEYS["other"]) is None, "not looked at again within the second"
    assert known() == {"shop", "other"}
    path.write_text(LINES["other"])
    assert known() == {"other"}
    path.write_text("this is no key")
    assert known() == {"other"}
    assert "stay as they were" in caplog.text
    path.unlink()
    path.write_text("# nobody any more")
    assert known() == set()
    assert len(ring) == 1, "it stays closed"
    path.write_text(LINES["shop"])
    assert known() == {"shop"}


def test_the_settings_watch_the_file_if_it_has_a_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("")
    assert type(key_ring(load_settings(api_keys_file=path))) is KeyRing
    path.write_text(LINES["shop"])
    ring = key_ring(load_settings(api_keys_file=path, api_keys=LINES["other"]))
    assert isinstance(ring, WatchedKeys)
    assert all(ring.find(key) for key in KEYS.values())
    path.unlink()
    ring._look_at = 0.0
    assert all(ring.find(key) for key in KEYS.values()), "a file that is gone just now takes no key away"
