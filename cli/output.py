"""What the commands print: tables for people, one JSON object for programs, errors on standard error."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape

from multirecall.core.errors import MultirecallError

__all__ = ["console", "counted", "print_error", "print_json", "printable", "stderr"]

console = Console(highlight=False, soft_wrap=False)
stderr = Console(stderr=True, highlight=False)


def printable(text: str) -> str:
    """The text as a terminal can show it: lone surrogates and control characters replaced, markup escaped."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return escape("".join(c if c.isprintable() or c == "\n" else " " for c in clean))


def counted(n: int, noun: str) -> str:
    """`1 change`, `2,000 changes`."""
    many = f"{noun}es" if noun.endswith(("s", "x", "ch")) else f"{noun}s"
    return f"{n:,} {noun if n == 1 else many}"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _encodable(value: Any) -> Any:
    """Texts that UTF-8 cannot hold made so, and numbers that JSON cannot hold made null."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case float() if not math.isfinite(value):
            return None
        case int() if not -(1 << 63) <= value < 1 << 64:
            return str(value)
        case dict():
            return {str(k): _encodable(v) for k, v in value.items()}
        case list() | tuple():
            return [_encodable(v) for v in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _encodable(asdict(value))
        case _:
            return value


def print_json(value: Any) -> None:
    """One JSON object on standard output, indented, keys in order of the value."""
    body = orjson.dumps(_encodable(value), default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def print_error(error: MultirecallError, as_json: bool) -> None:
    """The error: what is wrong, then what to do."""
    if as_json:
        print_json({"error": error.to_dict()})
        return
    stderr.print(f"[bold red]Error:[/] {printable(error.message)}", soft_wrap=True)
    if error.hint:
        stderr.print(f"  {printable(error.hint)}", soft_wrap=True)
