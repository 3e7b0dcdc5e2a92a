"""Gaps: what an engine does not do, marked on the test that shows it. `python -m tests.contract.gaps` prints them.

The kinds are those of ibis: `notimpl` (we could, but have not), `notyet` (its makers must first), `never` (it will
not, and the reason is worth reading). A gap is a strict expected failure: when it closes, the run fails until the
mark is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import pytest

__all__ = ["ENGINES", "GAPS", "Gap", "Kind", "gap", "mark_gaps", "markdown"]

ENGINES = ("exact", "embedded", "elasticsearch", "opensearch")

Kind = Literal["notimpl", "notyet", "never"]
Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One engine fails one test. `raises` is how it fails: any other exception is a plain failure."""

    test: str
    engine: str
    kind: Kind
    reason: str
    raises: type[BaseException]


GAPS: list[Gap] = []
"""All gaps marked so far, in the order the contract's modules are imported."""


def gap(engine: str, kind: Kind, reason: str, raises: type[BaseException]) -> Callable[[Test], Test]:
    """Marks a test of the contract as one that `engine` fails. Raises ValueError for an unknown engine or kind."""
    if engine not in ENGINES:
        raise ValueError(f"Unknown engine {engine!r}; known: {', '.join(ENGINES)}.")
    if kind not in get_args(Kind):
        raise ValueError(f"Unknown kind of gap {kind!r}; known: {', '.join(get_args(Kind))}.")
    if not reason.strip():
        raise ValueError("A gap needs a reason.")

    def decorate(test: Test) -> Test:
        found = Gap(test=test.__qualname__, engine=engine, kind=kind, reason=reason, raises=raises)
        GAPS.append(found)
        marked: Test = pytest.mark.gap(found)(test)
        return marked

    return decorate


def mark_gaps(item: pytest.Item, engine: str) -> None:
    """Turns the gaps marked for `engine` on the test into strict expected failures."""
    for marker in item.iter_markers("gap"):
        found: Gap = marker.args[0]
        if found.engine == engine:
            item.add_marker(pytest.mark.xfail(strict=True, raises=found.raises, reason=f"{found.kind}: {found.reason}"))


def markdown() -> str:
    """All gaps as a table for the docs."""
    rows = [
        f"| {g.engine} | {g.test} | {g.kind} | {g.reason} |" for g in sorted(GAPS, key=lambda g: (g.engine, g.test))
    ]
    return "\n".join(["| engine | what it does not do | kind | why |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    import tests.contract.engine_contract  # noqa: F401  (importing it marks the gaps)
    from tests.contract.gaps import markdown as table  # this file run as a script is another module than the import

    print(table())
