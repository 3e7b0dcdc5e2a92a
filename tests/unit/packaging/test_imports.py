"""How the package loads: quickly, without side effects, and with native libraries in any order."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import subprocess
import sys

import pytest

import multirecall

NATIVE = ("onnxruntime", "pyarrow", "tantivy", "tokenizers", "usearch.index")
HEAVY = (
    "celery",
    "elasticsearch",
    "kombu",
    "numkong",
    "onnx",
    "onnxruntime",
    "opensearchpy",
    "prometheus_client",
    "pyarrow",
    "redis",
    "tantivy",
    "torch",
    "usearch",
    "wordllama",
)


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(NATIVE, 2)))
def test_native_libraries_live_together_in_any_order(first: str, second: str) -> None:
    # usearch 2.26 made a later import of onnxruntime crash: the engine is opened first, so every search did.
    assert python(f"import {first}; import {second}").returncode == 0


def test_the_command_line_loads_nothing_heavy() -> None:
    done = python(f"import sys, multirecall.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_importing_every_module_touches_no_root_logger_and_no_environment() -> None:
    modules = [
        m.name for m in pkgutil.walk_packages(multirecall.__path__, "multirecall.") if not m.name.endswith("__main__")
    ]
    assert len(modules) > 50
    program = (
        # lightgbm loads scikit-learn where that is installed, which sets variables of OpenMP: theirs, not ours.
        "import importlib, logging, lightgbm, os; before = dict(os.environ)\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "assert logging.getLogger().handlers == [] and logging.getLogger().level == logging.WARNING\n"
        "assert dict(os.environ) == before"
    )
    done = python(program)
    assert done.returncode == 0, done.stderr


def test_every_public_name_exists() -> None:
    for module in pkgutil.walk_packages(multirecall.__path__, "multirecall."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        for name in getattr(loaded, "__all__", ()):
            assert hasattr(loaded, name), f"{module.name}.{name}"
