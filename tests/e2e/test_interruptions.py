"""An indexing command that is interrupted, killed or runs out of space leaves the old index serving."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import multirecall

SMALL, LARGE = 50, 30_000
ENCODER = ("--encoder", "hashing")


def catalogue(path: Path, n: int) -> Path:
    with path.open("w") as lines:
        for i in range(n):
            row = {"id": f"p{i}", "title": f"Laser toner number {i}", "description": f"text {i} " * 40, "brand": "HP"}
            lines.write(json.dumps(row) + "\n")
    return path


def served(engine: str) -> int:
    """How many products the live index holds, by the command line."""
    outcome = multirecall("search", "", "--engine", engine, "--json")
    assert outcome.code == 0, outcome.err
    return int(outcome.json["hits"]["total"]["value"])


def started_build(source: Path, engine_folder: Path) -> subprocess.Popen[str]:
    """A build of `source` in a process of its own, returned once its new physical index exists."""
    program = "from multirecall.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "index", str(source), "--engine", f"embedded:{engine_folder}", *ENCODER],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=source.parent,
    )
    deadline = time.monotonic() + 120
    while not (engine_folder / "products-000002").exists():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline, "the build did not start"
        os.sched_yield()
    return process


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    source = catalogue(tmp_path / "small.jsonl", SMALL)
    assert multirecall("index", str(source), "--engine", "embedded:shop", *ENCODER).code == 0
    return tmp_path


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_build_leaves_the_old_index_and_running_again_finishes(shop: Path, signum: int) -> None:
    large = catalogue(shop / "large.jsonl", LARGE)
    process = started_build(large, shop / "shop")
    process.send_signal(signum)
    _, err = process.communicate(timeout=120)
    if signum == signal.SIGINT:
        assert process.returncode == 130
        assert "Interrupted" in err
        assert "Traceback" not in err
    else:
        assert process.returncode == -signal.SIGKILL
    assert served("embedded:shop") == SMALL
    again = multirecall("index", str(catalogue(shop / "again.jsonl", 200)), "--engine", "embedded:shop", *ENCODER)
    assert again.code == 0, again.err
    assert served("embedded:shop") == 200
    left = [p.name for p in (shop / "shop").iterdir() if p.name.startswith("products-")]
    assert len(left) == 2, left  # the live one and the one before it: nothing half-built


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"CI must be able to mount a tmpfs: {mounted.stderr}")
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_index_and_says_so(small_disk: Path, tmp_path: Path) -> None:
    engine = f"embedded:{small_disk / 'shop'}"
    assert multirecall("index", str(catalogue(tmp_path / "s.jsonl", SMALL)), "--engine", engine, *ENCODER).code == 0
    outcome = multirecall("index", str(catalogue(tmp_path / "l.jsonl", LARGE)), "--engine", engine, *ENCODER)
    assert outcome.code == 8, outcome.err + outcome.out
    assert "No space left" in " ".join(outcome.err.split())
    assert served(engine) == SMALL
    again = multirecall("index", str(catalogue(tmp_path / "a.jsonl", 60)), "--engine", engine, *ENCODER)
    assert again.code == 0, again.err
    assert served(engine) == 60
