"""`multirecall engine up|down|status`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from multirecall.cli.output import console, print_json, printable, stderr
from multirecall.cli.state import command
from multirecall.engine import EngineStatus, RunningEngine, down, status, up

__all__ = ["engine_app"]

engine_app = typer.Typer(help="Start and stop real engines on this machine, without Docker.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class EngineChoice(StrEnum):
    """Servers that can be started; `all` means every one of them."""

    ELASTICSEARCH = "elasticsearch"
    OPENSEARCH = "opensearch"
    REDIS = "redis"
    ALL = "all"

    def kinds(self) -> tuple[str, ...]:
        return (
            tuple(k.value for k in EngineChoice if k is not EngineChoice.ALL) if self is EngineChoice.ALL else (self,)
        )


def _row(engine: RunningEngine) -> dict[str, object]:
    return {
        "kind": engine.kind,
        "url": engine.url,
        "version": engine.version,
        "pid": engine.pid,
        "log": str(engine.log_path),
        "data": str(engine.data_dir),
        "boot_s": engine.boot_s,
    }


@engine_app.command("up")
@command
def engine_up(
    kind: Annotated[EngineChoice, typer.Argument(help="Which server.")] = EngineChoice.ELASTICSEARCH,
    heap_mb: Annotated[int, typer.Option(min=256, max=65_536, help="Java heap in MB.")] = 1024,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the data of an earlier run first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a server and wait until it is healthy. The first time downloads it (about a minute).

    Example: multirecall engine up elasticsearch
    """
    started = []
    for each in kind.kinds():
        engine = up(
            each, heap_mb=heap_mb, fresh=fresh, report=lambda step: stderr.print(f"[dim]{printable(step)} …[/]")
        )
        started.append(engine)
        if not as_json:
            console.print(f"[bold]{engine.kind}[/] {engine.version} is ready: {engine.url}", soft_wrap=True)
            console.print(f"  log {engine.log_path}", style="dim", soft_wrap=True)
    if as_json:
        print_json({"engines": [_row(engine) for engine in started]})
        return
    search = next((e for e in started if e.kind != "redis"), None)
    if search:
        console.print(f"Index into it with: multirecall index SOURCE --engine {search.url}/products", soft_wrap=True)


@engine_app.command("down")
@command
def engine_down(
    kind: Annotated[EngineChoice, typer.Argument(help="Which server.")] = EngineChoice.ALL, as_json: AsJson = False
) -> None:
    """Stop servers that `engine up` started; their data stays.

    Example: multirecall engine down
    """
    stopped = [each for wanted in kind.kinds() for each in down(wanted)]
    if as_json:
        print_json({"stopped": stopped})
    else:
        console.print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


def _status_row(found: EngineStatus) -> tuple[str, str, str, str]:
    if found.engine is None:
        return found.kind, "[dim]not running[/]", "", ""
    return found.kind, found.health or "[red]no answer[/]", found.engine.version, found.engine.url


@engine_app.command("status")
@command
def engine_status(as_json: AsJson = False) -> None:
    """Show which servers run, and where.

    Example: multirecall engine status
    """
    found = status()
    if as_json:
        print_json(
            {"engines": [{"kind": f.kind, "health": f.health, **(_row(f.engine) if f.engine else {})} for f in found]}
        )
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("engine", "health", "version", "URL"):
        table.add_column(column)
    for each in found:
        table.add_row(*_status_row(each))
    console.print(table)
