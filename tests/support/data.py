"""The real catalogues, read where they lie (`MULTIRECALL_DATA`, default `../shared/data` beside the repository)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

__all__ = ["IndexedCatalogue", "data_dir", "icecat_dir", "icecat_index"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedCatalogue:
    """`engine` is the URL of an embedded engine that holds it, `report` what `multirecall index --json` said."""

    engine: str
    report: dict[str, Any]


@pytest.fixture(scope="session")
def icecat_index(icecat_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> IndexedCatalogue:
    """All of Icecat, with static vectors, made once for the tests that only read it."""
    from tests.e2e.command import multirecall

    engine = f"embedded:{tmp_path_factory.mktemp('icecat') / 'shop'}"
    files = sorted(str(path) for path in icecat_dir.glob("*.json.zip"))
    built = multirecall("index", *files, "--engine", engine, "--encoder", "static", "--json")
    assert built.code == 0, built.err
    return IndexedCatalogue(engine=engine, report=built.json)
