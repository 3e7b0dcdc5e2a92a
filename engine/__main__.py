"""`python -m multirecall.engine up|down|status|prepare`: the launcher without the rest of multirecall."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from multirecall.core.errors import MultirecallError

from .commands import KINDS
from .launcher import DEFAULT_HEAP_MB, DEFAULT_TIMEOUT_S, down, prepare, status, up


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _up(options: argparse.Namespace) -> tuple[Any, list[str]]:
    engine = up(
        options.kind,
        data_dir=options.data_dir,
        heap_mb=options.heap_mb,
        timeout_s=options.timeout_s,
        fresh=options.fresh,
        state_dir=options.state_dir,
        report=_say,
    )
    return engine.to_json(), [engine.url]


def _down(options: argparse.Namespace) -> tuple[Any, list[str]]:
    stopped = down(options.kind, state_dir=options.state_dir)
    return {"stopped": stopped}, [f"stopped {kind}" for kind in stopped] or ["nothing was running"]


def _status(options: argparse.Namespace) -> tuple[Any, list[str]]:
    found = status(state_dir=options.state_dir)
    rows = [{"kind": s.kind, "health": s.health, "engine": s.engine.to_json() if s.engine else None} for s in found]
    lines = [
        f"{s.kind:14} {s.health or 'silent':7} {s.engine.url}  pid {s.engine.pid}  log {s.engine.log_path}"
        if s.engine
        else f"{s.kind:14} down"
        for s in found
    ]
    return rows, lines


def _prepare(options: argparse.Namespace) -> tuple[Any, list[str]]:
    path = prepare(options.kind, report=_say)
    return {"kind": options.kind, "path": str(path)}, [str(path)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m multirecall.engine", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(
        name: str, run: Callable[[argparse.Namespace], tuple[Any, list[str]]], help_text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_text, description=help_text)
        added.set_defaults(run=run)
        added.add_argument("--json", action="store_true", help="print one JSON value")
        added.add_argument("--state-dir", type=Path, help="default: $MULTIRECALL_STATE, else .multirecall")
        return added

    upper = command("up", _up, "start a server, or find the one that runs, and print its URL")
    upper.add_argument("kind", choices=KINDS)
    upper.add_argument("--data-dir", type=Path, help="where its data is kept (default: in the state folder)")
    upper.add_argument("--heap-mb", type=int, default=DEFAULT_HEAP_MB, help="memory (default: %(default)s)")
    upper.add_argument("--timeout-s", type=float, default=DEFAULT_TIMEOUT_S, help="default: %(default)s")
    upper.add_argument("--fresh", action="store_true", help="delete its data first")
    downer = command("down", _down, "stop a server, or all of them; data stays")
    downer.add_argument("kind", choices=KINDS, nargs="?")
    command("status", _status, "which servers run here, and how they are")
    preparer = command("prepare", _prepare, "fetch and build a server without starting it")
    preparer.add_argument("kind", choices=KINDS)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or that of the error, which is printed in one piece to standard error."""
    options = _parser().parse_args(arguments)
    try:
        value, lines = options.run(options)
    except MultirecallError as failure:
        _say(json.dumps(failure.to_dict()) if options.json else str(failure))
        return failure.exit_code
    sys.stdout.write((json.dumps(value) if options.json else "\n".join(lines)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
