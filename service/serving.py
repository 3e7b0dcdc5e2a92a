"""The composition root of the service: settings become an app, warmed up before it listens."""

from __future__ import annotations

from contextlib import suppress

import uvicorn

from multirecall.core.errors import NotFound
from multirecall.search.understand import understand
from multirecall.service.app import make_service
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.searchers import opened_live_searcher
from multirecall.wiring.settings import Settings

__all__ = ["serve"]

_WARM_UP = "usb c cable"
_KEEP_ALIVE_S = 75
_LARGEST_QUEUE = 256


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serves until told to stop. Blocks. Without an index it serves all the same, but is not ready.

    Raises EngineUnavailable without an engine, FingerprintMismatch for another encoder.
    """
    with opened_live_searcher(settings) as searcher, opened_engine(settings, None) as engine:

        def engine_answers() -> None:
            with suppress(NotFound):  # no index yet is the other check's business
                engine.info()

        def index_is_open() -> None:
            if not searcher.generation:
                searcher.follow()
                searcher.search(understand(_WARM_UP), timeout_s=60.0)

        checks = {"engine": engine_answers, "index": index_is_open}
        if searcher.generation:
            searcher.search(understand(_WARM_UP), timeout_s=60.0)
        app = make_service(searcher, checks=checks, minor_units=settings.price_minor_units)
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_level=settings.log_level.lower(),
            timeout_keep_alive=_KEEP_ALIVE_S,
            limit_concurrency=_LARGEST_QUEUE,
            server_header=False,
        )
