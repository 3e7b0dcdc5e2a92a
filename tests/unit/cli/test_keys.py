"""`multirecall keys`: a key is shown once, its digest is kept, a broken file stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

from multirecall.service.keys import KeyRing, Role, read_keys
from tests.e2e.command import multirecall


def test_a_new_key_is_added_to_the_file_as_a_digest_and_works(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    made = [
        json.loads(multirecall("keys", "new", name, "--role", role, "--file", str(file), "--json").out)
        for name, role in (("shop", "search"), ("feed", "write"))
    ]
    text = file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert not any(one["key"] in text for one in made)
    ring = KeyRing(read_keys(text, source="keys.txt"))
    callers = [ring.find(one["key"]) for one in made]
    assert [(caller.name, caller.role) for caller in callers if caller] == [("shop", Role.SEARCH), ("feed", Role.WRITE)]


def test_what_cannot_be_added_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    assert multirecall("keys", "new", "shop", "--file", str(file)).code == 0
    before = file.read_text()
    for arguments in (["shop"], ["Shop!"], ["other", "--role", "owner"]):
        outcome = multirecall("keys", "new", *arguments, "--file", str(file))
        assert outcome.code == 2
        assert "mr_" not in outcome.out
    assert file.read_text() == before
