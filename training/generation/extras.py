"""The packages of the extra `train`, asked for where they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from multirecall.core.errors import MissingExtra

__all__ = ["required"]


def required(module: str) -> Any:
    """The module. Raises MissingExtra with the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"Training needs {module.partition('.')[0]}.",
            hint="Run `pip install 'multirecall[train]'`.",
        ) from error
