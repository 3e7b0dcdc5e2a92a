"""`multirecall serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from multirecall.cli.state import command
from multirecall.wiring.settings import load_settings

__all__ = ["serve"]


@command
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine only if told to.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8080,
    engine: Annotated[str | None, typer.Option(help="Engine URL.", show_default="from settings")] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error.", show_default="from settings")
    ] = None,
) -> None:
    """Serve the web page at /, the HTTP API under /v1, and its description under /docs (docs/api.md).

    Beyond this machine (--host) it listens only with API keys: `multirecall keys new`.

    Example: multirecall serve --port 8080
    """
    from multirecall.service.serving import serve as run_service

    changed = {name: value for name, value in (("engine", engine), ("log_level", log_level)) if value is not None}
    run_service(load_settings(**changed), host=host, port=port)
