"""The composition root of the service: settings become an app, warmed up before it listens."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from multirecall.core.errors import EncoderError, InvalidSource, MultirecallError, NotFound, StoreUnavailable
from multirecall.engines.base import Engine
from multirecall.engines.schema import Schema
from multirecall.search.filter_syntax import parse_facet
from multirecall.search.page import Page
from multirecall.search.serving import Frontend, SearchRequest
from multirecall.search.understand import understand
from multirecall.service.access import allowed_hosts, key_ring, listed, rate_limits, secrets_of
from multirecall.service.access_log import AccessLog
from multirecall.service.answering import FrontendAnswers
from multirecall.service.app import make_service
from multirecall.service.event_store import EventStore
from multirecall.service.logs import cleaner, configure_service_logs
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.page import JudgedQueries, PageParts, Reports
from multirecall.service.parts import ServiceOptions, ServiceParts
from multirecall.service.places import Places
from multirecall.service.readiness import Check, Part, Readiness
from multirecall.service.redis_check import RedisCheck
from multirecall.service.search_metrics import SearchCollector
from multirecall.service.suggesting import Suggester, Suggestion, read_texts
from multirecall.service.suggesting.reading import frequent_queries
from multirecall.service.tracing import NO_TRACES, open_telemetry
from multirecall.service.workers_view import LazyDeployment
from multirecall.service.writing import ChosenWriter, StraightWriter, WorkersWriter, Writer
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.frontends import opened_frontend
from multirecall.wiring.settings import Settings

__all__ = ["SERVER_OPTIONS", "check_asked", "opened_service", "serve", "take_short_turns"]

_log = logging.getLogger("multirecall.service")

_WARM_UP = "usb c cable"
_WARM_UP_S = 60.0
SERVER_OPTIONS: Mapping[str, Any] = {
    "log_config": None,  # its logs go where ours go, through the same redaction
    "access_log": False,
    "timeout_keep_alive": 75,
    "limit_concurrency": 1_000,
    "server_header": False,
    "proxy_headers": False,
}
"""How uvicorn serves the app: in one process that binds the address itself. Only then asyncio turns off the delay of
small packets; behind a socket that uvicorn binds for several workers an answer could wait 40 ms for the next."""

_EVENTS_READ = 32 << 20
_TURN_S = 0.0005
_NO_MODELS = ("engine", "redis")  # breakers that guard something else


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serves until told to stop. Blocks. Without an index it serves all the same, but is not ready.

    Raises EngineUnavailable without an engine, FingerprintMismatch for another encoder, InvalidSettings for an
    address beyond this machine without API keys.
    """
    configure_service_logs(settings.log_level, secrets=secrets_of(settings))
    take_short_turns()
    with opened_service(settings, host=host) as app:
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_level=settings.log_level.lower(),
            **SERVER_OPTIONS,
        )


def take_short_turns() -> None:
    """Lets a thread of this process compute half a millisecond, not five, before another one may.

    The thread that reads and writes requests waits that long after each system call while searches compute: what is
    answered from memory, or refused, would take longer than a search.
    """
    sys.setswitchinterval(_TURN_S)


@contextmanager
def opened_service(settings: Settings, *, host: str = "127.0.0.1") -> Iterator[FastAPI]:
    """The app by the settings, warmed up; what it opened is closed at the end."""
    keys = key_ring(settings)
    hosts = allowed_hosts(settings, keys, host)
    with ExitStack() as stack:
        frontend = stack.enter_context(opened_frontend(settings))
        engine = stack.enter_context(opened_engine(settings, None, create=True))
        deployment = LazyDeployment(settings)
        stack.callback(deployment.close)
        cache = None
        if url := settings.cache_redis.get_secret_value():
            cache = RedisCheck(url)
            stack.callback(cache.close)
        warm = _WarmUp(frontend)
        if frontend.live.generation:
            warm()
        events = None
        if settings.events_dir not in (None, Path()):
            events = EventStore(
                Path(settings.events_dir or ""),
                day_bytes=settings.events_day_mb << 20,
                keep_days=settings.events_keep_days,
            )
        at_work, share = _searches_at_once(settings, engine), settings.key_share if len(keys) > 1 else 1.0
        rates = rate_limits(settings, work_s_per_s=at_work * share) if len(keys) else None
        traces = NO_TRACES
        if settings.otel:
            opened = open_telemetry(settings.otel_endpoint)
            stack.callback(opened.close)
            traces = opened
        parts = ServiceParts(
            answers=FrontendAnswers(frontend),
            engine=engine,
            readiness=Readiness(_parts(frontend, engine, warm, cache)),
            searches=Places(
                "search",
                at_work=at_work,
                waiting=settings.searches_waiting,
                share=share,
                yields=None if rates is None else rates.floods,
                worked=None if rates is None else rates.worked,
            ),
            errands=Places(
                "errand",
                at_work=settings.errands_at_once,
                waiting=settings.errands_waiting,
                share=share,
            ),
            suggester=_suggester(settings, frontend, engine, events),
            metrics=ServiceMetrics([SearchCollector(frontend)]),
            keys=keys,
            rates=rates,
            writer=ChosenWriter(lambda: _writer(settings, deployment, engine)),
            events=events,
            workers=deployment,
            traces=traces,
            access_log=AccessLog(sys.stderr.write, clean=cleaner(secrets_of(settings)))
            if settings.access_log
            else None,
            page=_page(settings) if settings.page else None,
            options=_options(settings, hosts),
        )
        yield make_service(parts)


def _searches_at_once(settings: Settings, engine: Engine) -> int:
    """An engine in this process computes: more searches at a time than processors slow each other, and the flood of one
    key slows another's the more of them it has at work."""
    if not engine.capabilities.in_process:
        return settings.searches_at_once
    return min(settings.searches_at_once, max(2, os.cpu_count() or 2))


def _options(settings: Settings, hosts: tuple[str, ...]) -> ServiceOptions:
    defaults = ServiceOptions()
    return ServiceOptions(
        minor_units=settings.price_minor_units,
        timeout_s=settings.timeout_s,
        hosts=hosts,
        origins=listed(settings.cors_origins),
        metrics_open=settings.metrics_open,
        slow_ms=settings.slow_search_ms,
        log_queries=settings.log_queries,
        body_bytes={**defaults.body_bytes, "/v1/products": settings.max_products_mb << 20},
        write_wait_s=settings.write_wait_s,
        answers_bytes=(settings.cache_memory_mb << 20) // 4,
    )


def _page(settings: Settings) -> PageParts:
    """What the web page shows. Raises InvalidFilter for a facet that cannot be read."""
    facets = tuple(settings.page_facets.split())
    for facet in facets:
        parse_facet(facet, minor_units=settings.price_minor_units)
    secret = settings.page_secret.get_secret_value().encode() or None
    return PageParts(
        facets=facets,
        routes=tuple(name.strip() for name in settings.routes.split(",") if name.strip()),
        fusion=settings.fusion.partition(":")[0],  # what follows is a path of this machine
        minor_units=settings.price_minor_units,
        judged=_judged(settings),
        reports=Reports(settings.reports, secret=secret) if settings.reports else None,
    )


def _judged(settings: Settings) -> JudgedQueries:
    """The judgments of the settings; none, and a line in the log, if their files cannot be read: searches need none."""
    judgments, queries = settings.judgments, settings.judged_queries
    if not judgments or not queries:
        return JudgedQueries()
    try:
        return JudgedQueries.read(judgments, queries)
    except InvalidSource as error:
        _log.warning("the page shows no judgments: %s", error)
        return JudgedQueries()


# ---------------------------------------------------------------- readiness


class _WarmUp:
    """A search of each index before it counts as ready: models are loaded and files mapped by then."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self._warm = ""
        self._page: Page | None = None

    def __call__(self) -> None:
        """Searches, if another index is live than at the last time."""
        live = self._frontend.live
        if not live.generation:
            live.follow()
        if live.generation != self._warm:
            request = SearchRequest(query=understand(_WARM_UP), timeout_s=_WARM_UP_S, use_cache=False)
            self._page = self._frontend.search(request).page
            self._warm = self._page.generation

    def models(self) -> None:
        """Raises EncoderError if a route did not work then, or is not asked just now because its model fails."""
        breakers = self._frontend.breakers
        broken = {name for name in breakers if name not in _NO_MODELS and breakers[name].state == "open"}
        broken.update(self._page.degraded if self._page is not None else ())
        if broken:
            raise EncoderError(f"Routes without their model: {', '.join(sorted(broken))}.")


def _parts(frontend: Frontend, engine: Engine, warm: _WarmUp, cache: Check | None) -> list[Part]:
    def engine_answers() -> None:
        check_asked(frontend, "engine")
        with suppress(NotFound):  # no index yet is the next part's business
            engine.info()

    def cache_answers() -> None:
        check_asked(frontend, "redis")
        if cache is not None:
            cache()

    parts = [
        Part(name="engine", check=engine_answers),
        Part(name="index", check=warm),
        Part(name="models", check=warm.models, essential=False),
    ]
    return parts if cache is None else [*parts, Part(name="cache", check=cache_answers, essential=False)]


def check_asked(frontend: Frontend, part: str) -> None:
    """Raises StoreUnavailable while searches do not ask that part because it fails.

    A part that the next search will try again counts as answering: else a service that gets no more searches because
    it is not ready would never become ready.
    """
    breaker = frontend.breakers.get(part)
    if breaker is not None and breaker.state == "open":
        raise StoreUnavailable(f"Searches do not ask {breaker.what} just now: it failed too often lately.")


# ---------------------------------------------------------------- suggestions, writes


def _suggester(settings: Settings, frontend: Frontend, engine: Engine, events: EventStore | None) -> Suggester:
    def read(index: str) -> Iterator[Suggestion]:
        yield from read_texts(engine, index, max_texts=settings.suggest_max_texts)
        if events is not None:
            asked = events.queries(most_bytes=_EVENTS_READ)
            yield from frequent_queries(
                asked, min_count=settings.suggest_min_queries, max_texts=settings.suggest_max_texts
            )

    return Suggester(read, generation=lambda: frontend.live.generation, every_s=settings.suggest_every_s)


def _writer(settings: Settings, deployment: LazyDeployment, engine: Engine) -> Writer:
    through = settings.products_by
    if through == "auto":
        try:
            through = "workers" if deployment.answers() else "straight"
        except MultirecallError as error:
            _log.info("no workers: %s", error)
            through = "straight"
    _log.info("changes of products go %s", "through the workers" if through == "workers" else "straight to the engine")
    if through == "straight":
        return StraightWriter(
            lambda: opened_engine(settings, None),
            encoder_of=lambda field, schema: deployment.get().encoder_of(field, schema),
            labeller_of=lambda field, schema: deployment.get().labeller_of(field, schema),
        )
    return WorkersWriter(deployment.get(), schema=_last_schema(engine))


def _last_schema(engine: Engine) -> Callable[[], Schema]:
    """The schema of the live index; while the engine is away, the one last seen: changes wait in the store then."""
    seen: list[Schema] = []

    def schema() -> Schema:
        try:
            seen[:] = [engine.info().schema]
        except MultirecallError as error:
            if not seen:
                raise
            _log.warning("the engine does not answer; changes are read by the schema last seen: %s", error)
        return seen[0]

    return schema
