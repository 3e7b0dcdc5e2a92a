"""Traces: a span for each search and its stages, if OpenTelemetry is installed and asked for; else nothing at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from multirecall.core.errors import MissingExtra

__all__ = ["NO_TRACES", "OpenTelemetry", "Traces", "open_telemetry"]


class Traces(Protocol):
    """Takes what a search did, once it is answered."""

    def search(
        self, *, started_ns: int, stages_ms: Mapping[str, float], attributes: Mapping[str, Any], parent: str
    ) -> None:
        """One search: when it began (nanoseconds since 1970), how long its stages took, one after the other, and what
        there is to know of it. `parent` is the `traceparent` header of the request (W3C), or empty."""
        ...


class _NoTraces:
    def search(
        self, *, started_ns: int, stages_ms: Mapping[str, float], attributes: Mapping[str, Any], parent: str
    ) -> None:
        """Nothing."""


NO_TRACES: Traces = _NoTraces()


class OpenTelemetry:
    """Spans `search` and `search.<stage>`. The stages are told afterwards, from the answer's own clock: tracing costs
    a search nothing while it runs."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("multirecall")
        self._propagator = TraceContextTextMapPropagator()

    def search(
        self, *, started_ns: int, stages_ms: Mapping[str, float], attributes: Mapping[str, Any], parent: str
    ) -> None:
        """See `Traces`."""
        from opentelemetry.trace import set_span_in_context

        context = self._propagator.extract({"traceparent": parent}) if parent else None
        span = self._tracer.start_span(
            "search", context=context, start_time=started_ns, attributes={**attributes, "stages": list(stages_ms)}
        )
        inside = set_span_in_context(span)
        at = started_ns
        for stage, took_ms in stages_ms.items():
            stage_span = self._tracer.start_span(f"search.{stage}", context=inside, start_time=at)
            at += int(took_ms * 1e6)
            stage_span.end(end_time=at)
        span.end(end_time=max(at, time.time_ns()))

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


def open_telemetry(endpoint: str) -> OpenTelemetry:
    """Spans sent to a collector by OTLP over HTTP; empty: to where the OTEL_* variables say. Raises MissingExtra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise MissingExtra("Traces need OpenTelemetry.", hint="pip install 'multirecall[otel]'") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "multirecall"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint or None)))
    return OpenTelemetry(provider)
