"""Torch is an extra: what needs it is skipped where it is absent."""

from __future__ import annotations

import os
from typing import Any

import pytest

__all__ = ["require_torch"]


def require_torch() -> Any:
    """The package on one thread; without it the test is skipped at home and fails in CI."""
    if os.environ.get("CI"):
        import torch
    else:
        torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    torch.set_num_threads(1)
    return torch
