from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def torch() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch and transformers say about themselves
        pytest.importorskip("transformers", reason="the extra `train` is not installed")
        yield pytest.importorskip("torch", reason="the extra `train` is not installed")


@pytest.fixture
def learning(torch: Any) -> Iterator[None]:
    """One thread, and torch, transformers and peft keep what they say about themselves."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.set_num_threads(before)
