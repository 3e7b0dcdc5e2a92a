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
) -> None:
    """Serve the HTTP API: /v1/search, /healthz, /readyz, and its description under /docs.

    Example: multirecall serve --port 8080
    """
    from multirecall.service.serving import serve as run_service

    run_service(load_settings(), host=host, port=port)
