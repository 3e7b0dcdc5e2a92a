"""The client is a distribution of its own: what its wheel holds and needs, and that it knows nothing of the service."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import multirecall_client

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "client"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a wheel that is built from a copy of client/, by name; texts only where they are needed."""
    folder = tmp_path_factory.mktemp("client")
    source = shutil.copytree(
        CLIENT, folder / "src", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    )
    program = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    assert built.name.startswith(f"multirecall_client-{multirecall_client.__version__}-py3-none-any")
    with zipfile.ZipFile(built) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_wheel_holds_all_modules_the_types_and_the_licence_and_nothing_else(wheel: dict[str, str]) -> None:
    package = CLIENT / "multirecall_client"
    modules = {f"multirecall_client/{module.name}" for module in package.glob("*.py")}
    assert len(modules) > 15
    inside = {name for name in wheel if ".dist-info/" not in name}
    assert inside == modules | {"multirecall_client/py.typed"}
    (licence,) = [text for name, text in wheel.items() if name.endswith("/LICENSE")]
    assert licence == (ROOT / "LICENSE").read_text()


def test_wheel_needs_httpx_and_pydantic_and_says_what_it_is(wheel: dict[str, str]) -> None:
    (text,) = [text for name, text in wheel.items() if name.endswith("/METADATA")]
    metadata = Parser().parsestr(text)
    assert metadata["Name"] == "multirecall-client"
    assert sorted(re.split("[<>]", need)[0] for need in metadata.get_all("Requires-Dist") or []) == [
        "httpx",
        "pydantic",
    ]
    assert "from multirecall_client import Client" in text


def test_importing_it_brings_nothing_of_the_service_and_changes_nothing() -> None:
    program = (
        "import importlib, logging, os, pkgutil, sys; before = dict(os.environ)\n"
        "import multirecall_client as package\n"
        "names = [found.name for found in pkgutil.iter_modules(package.__path__, 'multirecall_client.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "assert logging.getLogger().handlers == [] and dict(os.environ) == before\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] in ('multirecall', 'numpy', 'fastapi')]"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_public_name_exists_and_is_told_in_order() -> None:
    assert all(hasattr(multirecall_client, name) for name in multirecall_client.__all__)
    assert len(set(multirecall_client.__all__)) == len(multirecall_client.__all__)
