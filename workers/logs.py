"""Structured logs: one JSON object a line, with the job and the batch that the line is about."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

__all__ = ["JsonFormatter", "configure_logs", "logging_about"]

_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)
_TALKATIVE = ("elastic_transport", "celery.app.trace", "celery.worker.strategy")
"""They log every request and every message at info; what failed they log above that."""

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "data", "color_message"}
"""What is no extra field of a line; uvicorn's `color_message` is the message once more, with a terminal's colours."""


@contextmanager
def logging_about(**about: str) -> Iterator[None]:
    """Lines logged inside carry these fields."""
    token = _about.set({**(_about.get() or {}), **about})
    try:
        yield
    finally:
        _about.reset(token)


class JsonFormatter(logging.Formatter):
    """`at`, `level`, `logger`, `message`, then what the line is about and its extra fields, and an error's trace."""

    def format(self, record: logging.LogRecord) -> str:
        body = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **(_about.get() or {}),
            **{name: value for name, value in vars(record).items() if name not in _PLAIN},
        }
        if record.exc_info:
            body["error"] = self.formatException(record.exc_info)
        return json.dumps(body, default=str, ensure_ascii=False)


def configure_logs(level: str, *, as_json: bool = True) -> None:
    """Sends all logs of this process to standard error, as JSON lines or plain."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if as_json else plain)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
