"""The real catalogues, read where they lie (`MULTIRECALL_DATA`, default `../shared/data` beside the repository)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["data_dir", "icecat_dir"]

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the catalogues; without it the test is skipped at home and fails in CI."""
    folder = Path(os.environ.get("MULTIRECALL_DATA") or _DEFAULT)
    if not folder.is_dir():
        reason = f"no catalogues at {folder}: set MULTIRECALL_DATA"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def icecat_dir(data_dir: Path) -> Path:
    """The Icecat catalogue's folder (four `N.json.zip` files, queries and judgments)."""
    return data_dir / "icecat"
