"""Logs of workers: one JSON object a line, whatever is logged."""

from __future__ import annotations

import contextvars
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from multirecall.workers.logs import JsonFormatter, configure_logs, logging_about


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of our own that writes to a buffer."""
    buffer = io.StringIO()
    handler = logging.StreamHandler(buffer)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("multirecall.test_logs")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger, buffer
    logger.removeHandler(handler)
    logger.propagate = True


def lines(buffer: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in buffer.getvalue().splitlines()]


def test_a_line_says_when_where_and_what_about(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, buffer = log
    with logging_about(job="job-1"), logging_about(batch="index/job-1/a"):
        logger.info("batch %s", "done", extra={"items": 3, "counts": {"done": 3}})
    logger.warning("later")
    first, second = lines(buffer)
    assert first.pop("process")
    assert datetime.fromisoformat(str(first.pop("at"))).tzinfo is not None
    assert first == {
        "level": "info", "logger": "multirecall.test_logs", "message": "batch done", "job": "job-1",
        "batch": "index/job-1/a", "items": 3, "counts": {"done": 3},
    }  # fmt: skip
    assert "job" not in second
    assert second["level"] == "warning"


def test_what_it_is_about_ends_with_the_block_even_after_an_error(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, buffer = log
    with pytest.raises(ValueError, match="broken"), logging_about(job="job-1"):
        raise ValueError("broken")
    logger.info("after")
    assert "job" not in lines(buffer)[0]


def test_threads_are_about_different_things(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, buffer = log

    def work(job: str) -> None:
        with logging_about(job=job):
            logger.info("working")

    threads = [threading.Thread(target=contextvars.Context().run, args=(work, f"job-{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(line["job"]) for line in lines(buffer)) == [f"job-{n}" for n in range(8)]


def test_errors_bring_their_trace_and_stay_on_one_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, buffer = log
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("it failed")
    [line] = lines(buffer)
    assert "ValueError: two\nlines" in str(line["error"])


def test_whatever_is_logged_is_json(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, buffer = log
    logger.info("Grüße\n\x00 %s", "💡", extra={"path": io.StringIO, "words": {"a"}, "n": float("inf")})
    [line] = buffer.getvalue().splitlines()
    assert "Grüße" in line
    assert json.loads(line)["message"] == "Grüße\n\x00 💡"


def test_logs_are_set_up_for_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    root, buffer = logging.getLogger(), io.StringIO()
    talkative = logging.getLogger("elastic_transport")
    handlers, level, before = list(root.handlers), root.level, talkative.level
    monkeypatch.setattr(sys, "stderr", buffer)
    try:
        configure_logs("info")
        logging.getLogger("multirecall.workers").info("hello")
        talkative.info("every request")
        talkative.warning("a failed one")
        assert [line["message"] for line in lines(buffer)] == ["hello", "a failed one"]
        configure_logs("error", as_json=False)
        logging.getLogger("multirecall.workers").error("plain")
        assert buffer.getvalue().splitlines()[-1].endswith("ERROR   multirecall.workers: plain")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        talkative.setLevel(before)
