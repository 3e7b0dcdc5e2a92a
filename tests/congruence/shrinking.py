"""From a failure on a thousand products to one that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from multirecall.core.filters import And, Filter, Not, Or, Terms

__all__ = ["smallest_failing", "smallest_filter"]

Item = TypeVar("Item")


def smallest_failing(items: Sequence[Item], fails: Callable[[Sequence[Item]], bool], *, tries: int = 60) -> list[Item]:
    """A short part of `items`, in their order, on which `fails` still holds; `items` must fail.

    Delta debugging (Zeller and Hildebrandt, 2002, "Simplifying and isolating failure-inducing input"), cut off
    after `tries` calls of `fails`, because each may fill an index.
    """
    left, pieces = list(items), 2
    while len(left) > 1 and tries > 0:
        size = max(1, len(left) // pieces)
        chunks = [left[i : i + size] for i in range(0, len(left), size)]
        rests = [[x for j, chunk in enumerate(chunks) if j != i for x in chunk] for i in range(len(chunks))]
        for smaller in chunks + (rests if len(chunks) > 2 else []):
            tries -= 1
            if fails(smaller):
                left, pieces = smaller, 2 if smaller in chunks else max(2, pieces - 1)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            pieces = min(len(left), pieces * 2)
    return left


def smallest_filter(node: Filter, fails: Callable[[Filter], bool]) -> Filter:
    """The filter, or the smallest part of it that is still enough to fail."""
    for smaller in _smaller(node):
        if fails(smaller):
            return smallest_filter(smaller, fails)
    return node


def _smaller(node: Filter) -> Iterator[Filter]:
    match node:
        case Not():
            yield node.part
            if isinstance(node.part, Not):
                yield node.part.part
            for part in _smaller(node.part):
                yield Not(part=part)
        case And() | Or():
            yield from node.parts
            for i, part in enumerate(node.parts):
                others = (*node.parts[:i], *node.parts[i + 1 :])
                yield type(node)(parts=others)
                for shorter in _smaller(part):
                    yield type(node)(parts=(*node.parts[:i], shorter, *node.parts[i + 1 :]))
        case Terms():
            for i in range(len(node.values)):
                yield Terms(field=node.field, values=(*node.values[:i], *node.values[i + 1 :]))
        case _:
            return
