"""What benchmarks stand on and take minutes to build: an index of Icecat, and what rewriters learn from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from multirecall.core.errors import NotFound
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings

__all__ = ["build_rewriters", "ensure_index"]


def ensure_index(engine: str, data: Path) -> None:
    try:
        with opened_searcher(load_settings(), engine_url=engine):
            return
    except NotFound:
        command = [str(Path(sys.executable).with_name("multirecall")), "index", "--engine", engine]
        subprocess.run([*command, *sorted(str(p) for p in data.glob("*.json.zip"))], check=True)


def build_rewriters(engine: str, folder: Path) -> None:
    """From the catalogue alone: no judgment is learned from, which would be those that are measured by."""
    if not (folder / "card.json").exists():
        command = [str(Path(sys.executable).with_name("multirecall")), "rewriters", "build"]
        subprocess.run([*command, "--engine", engine, "--out", str(folder)], check=True)
