"""Client and AsyncClient have the same methods, with the same parameters, types and words."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from multirecall_client import AsyncClient, Client

_RENAMED = {"__aenter__": "__enter__", "__aexit__": "__exit__"}


def methods(of: type[Any]) -> dict[str, Any]:
    return {
        _RENAMED.get(name, name): value
        for name, value in vars(of).items()
        if inspect.isfunction(value) and not (name.startswith("_") and not name.endswith("__"))
    }


def annotation(of: object) -> str:
    """As the blocking client would say it. Annotations are texts; `self` has none."""
    text = re.sub(r" \| AsyncIterable\[.*\]$", "", of if isinstance(of, str) else "")
    return text.replace("AsyncIterator", "Iterator").replace("AsyncBaseTransport", "BaseTransport")


def parameters(of: inspect.Signature) -> list[tuple[object, ...]]:
    return [(one.name, one.kind, one.default, annotation(one.annotation)) for one in of.parameters.values()]


def test_the_twins_have_the_same_methods() -> None:
    assert list(methods(Client)) == list(methods(AsyncClient))
    assert len(methods(Client)) > 20


@pytest.mark.parametrize("name", methods(Client))
def test_a_method_has_the_same_signature_in_both(name: str) -> None:
    blocking, waiting = (inspect.signature(methods(of)[name]) for of in (Client, AsyncClient))
    assert parameters(blocking) == parameters(waiting)
    assert annotation(blocking.return_annotation) == annotation(waiting.return_annotation)


@pytest.mark.parametrize("name", methods(Client))
def test_a_method_says_the_same_in_both(name: str) -> None:
    assert inspect.getdoc(methods(Client)[name]) == inspect.getdoc(methods(AsyncClient)[name])


@pytest.mark.parametrize("name", sorted(set(methods(Client)) - {"__init__", "__repr__", "options"}))
def test_whatever_sends_is_awaited_in_one_and_blocks_in_the_other(name: str) -> None:
    blocking, waiting = (methods(of)[name] for of in (Client, AsyncClient))
    assert not inspect.iscoroutinefunction(blocking)
    assert inspect.iscoroutinefunction(waiting) or inspect.isasyncgenfunction(waiting)
