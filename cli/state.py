"""How every command runs: its errors become a message and an exit code."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from multirecall.cli.output import print_error, print_json, stderr
from multirecall.core.errors import MultirecallError, StorageFull

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])


def command(function: F) -> F:
    """Runs a command; an error of ours is printed (as JSON under --json) and becomes the exit code."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        as_json = bool(kwargs.get("as_json"))
        try:
            return function(*args, **kwargs)
        except MultirecallError as error:
            print_error(error, as_json)
            raise typer.Exit(error.exit_code) from None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            full = StorageFull(f"No space left on the device ({error.filename or 'unknown file'}).", hint="Free space.")
            print_error(full, as_json)
            raise typer.Exit(full.exit_code) from None
        except KeyboardInterrupt:
            if as_json:
                print_json({"error": {"code": "interrupted", "message": "Interrupted.", "hint": "", "data": {}}})
            else:
                stderr.print("[bold yellow]Interrupted.[/]")
            raise typer.Exit(130) from None

    return run  # type: ignore[return-value]
