"""`multirecall keys`: API keys of the HTTP service."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multirecall.cli.output import console, print_json, stderr
from multirecall.cli.state import command
from multirecall.core.errors import InvalidSettings

if TYPE_CHECKING:
    from multirecall.service.keys import Role

__all__ = ["keys_app"]

keys_app = typer.Typer(help="Make API keys of the HTTP service.", no_args_is_help=True)

_ROLE = typer.Option(help="search, write (and search), or admin (all).")


@keys_app.callback()
def _group() -> None:
    """Make API keys of the HTTP service."""


@keys_app.command("new")
@command
def new(
    name: Annotated[str, typer.Argument(help="Who will use it: shows in logs and metrics.")],
    role: Annotated[str, _ROLE] = "search",
    file: Annotated[
        Path | None, typer.Option(help="File of MULTIRECALL_API_KEYS_FILE: the line is added there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a key. It is shown once; the settings keep its digest only.

    Example: multirecall keys new shop --role search --file keys.txt
    """
    from multirecall.service.keys import key_line, new_key

    key = new_key()
    line = key_line(name, _role(role), key)
    if file is not None:
        _add(file, line)
    if as_json:
        print_json({"key": key, "line": line})
        return
    console.print(key, soft_wrap=True, highlight=False)
    where = f"Added to {file}." if file is not None else f"For MULTIRECALL_API_KEYS or its file: {line}"
    stderr.print(f"Keep the key above: it is not shown again. {where}", soft_wrap=True, highlight=False)
    if file is not None:
        stderr.print("A service that runs reads its keys again when it is restarted.", style="dim", soft_wrap=True)


@keys_app.command("hash")
@command
def hash_key(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    role: Annotated[str, _ROLE] = "search",
) -> None:
    """Print the line of a key that you have made yourself, read from standard input.

    Example: openssl rand -hex 32 | multirecall keys hash shop --role write
    """
    from multirecall.service.keys import key_line

    key = sys.stdin.readline().strip()
    if len(key) < 32:
        raise InvalidSettings(
            "The key has fewer than 32 characters: it could be guessed.", hint="openssl rand -hex 32", field="key"
        )
    console.print(key_line(name, _role(role), key), soft_wrap=True, highlight=False)


def _role(name: str) -> Role:
    from multirecall.service.keys import Role

    if name.upper() not in Role.__members__:
        known = ", ".join(role.name.lower() for role in Role)
        raise InvalidSettings(f"Unknown role {name!r}.", hint=f"Known: {known}.", field="role")
    return Role[name.upper()]


def _add(file: Path, line: str) -> None:
    """Adds the line, if the file can be read with it. A new file is readable by its owner alone."""
    from multirecall.service.keys import read_keys

    before = file.read_text(encoding="utf-8") if file.exists() else ""
    whole = before + ("" if not before or before.endswith("\n") else "\n") + line + "\n"
    read_keys(whole, source=str(file))
    beside = file.with_name(f"{file.name}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(whole)
    beside.replace(file)
