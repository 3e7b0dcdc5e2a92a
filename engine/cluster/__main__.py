"""`python -m multirecall.engine.cluster up|down|status|env`: what `make cluster` and its companions run."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from multirecall.core.errors import MultirecallError

from .launching import ServiceStatus, connection, status, up
from .stopping import down

_INTERRUPTED = 130


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _print(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _up(options: argparse.Namespace) -> int:
    report = up(
        options.file, profiles=options.profile, without=options.without, state_dir=options.state_dir, report=_say
    )
    lines = [f"{each.name:16} {_addresses(each.ports):24} {each.log_path}" for each in report.running]
    lines += [f"{name:16} not started: {reason}" for name, reason in report.left_out.items()]
    _print([*lines, "", "For commands of this shell:", *_exports(report.connection)])
    return 0


def _down(options: argparse.Namespace) -> int:
    stopped = down(keep=options.keep, state_dir=options.state_dir)
    _print([f"stopped {name}" for name in stopped] or ["nothing was running"])
    return 0


def _status(options: argparse.Namespace) -> int:
    found = status(state_dir=options.state_dir)
    if options.json:
        rows = [
            {"name": s.service.name, "state": s.state, "pid": s.service.pid, "ports": s.service.ports} for s in found
        ]
        _print([json.dumps(rows)])
    else:
        _print([_line(each) for each in found] or ["nothing runs"])
    return 0 if found and all(s.state in ("healthy", "running") for s in found) else 1


def _line(found: ServiceStatus) -> str:
    service = found.service
    shown = f"{service.name:16} {found.state:10} {_addresses(service.ports):24} pid {service.pid}  {found.detail}"
    return shown.rstrip()


def _env(options: argparse.Namespace) -> int:
    _print(_exports(connection(state_dir=options.state_dir)))
    return 0


def _exports(variables: dict[str, str]) -> list[str]:
    return [f"export {key}={shlex.quote(value)}" for key, value in variables.items()]


def _addresses(ports: object) -> str:
    return " ".join(f"127.0.0.1:{local}" for local in ports.values()) if isinstance(ports, dict) else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m multirecall.engine.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], int], help_text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_text, description=help_text)
        added.set_defaults(run=run)
        added.add_argument("--state-dir", type=Path, help="default: $MULTIRECALL_STATE, else .multirecall")
        return added

    upper = command("up", _up, "start every service of the compose file that can run here, and wait until all is well")
    upper.add_argument("--file", type=Path, default=Path("compose.yaml"), help="default: %(default)s")
    upper.add_argument("--profile", action="append", default=[], help="turn a profile on; may be given again")
    upper.add_argument("--without", action="append", default=[], help="leave a service out; may be given again")
    downer = command("down", _down, "stop everything and remove it, data and logs included")
    downer.add_argument("--keep", action="store_true", help="keep data and logs for the next start")
    asker = command("status", _status, "ask every service; exit code 0 only if something runs and all of it is well")
    asker.add_argument("--json", action="store_true", help="print one JSON value")
    command("env", _env, 'lines that point commands of this shell at the cluster: eval "$(…)"')
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, that of the error (printed in one piece to standard error), or 130 after Ctrl-C or SIGTERM."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: int = options.run(options)
    except MultirecallError as failure:
        _say(str(failure))
        return failure.exit_code
    except KeyboardInterrupt:
        _say("interrupted; what was started by this command is stopped")
        return _INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
