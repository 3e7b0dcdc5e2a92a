"""Who looks at the workers' store is told quickly that it does not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from multirecall.core.errors import StoreUnavailable
from multirecall.service.workers_view import LazyDeployment
from multirecall.wiring.settings import load_settings


@contextmanager
def mute_store() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


def seconds_until_told(url: str) -> float:
    view = LazyDeployment(load_settings(redis=url))
    try:
        view.jobs(1)  # what is imported at the first time is none of the store's
    except StoreUnavailable:
        started = time.perf_counter()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        view.jobs(1)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        view.dead_letters(0, 10)
    view.close()
    return (time.perf_counter() - started) / 2


def test_a_store_that_refuses_or_hangs_is_told_within_its_limit() -> None:
    assert seconds_until_told("redis://127.0.0.1:1/0") < 0.3
    with mute_store() as url:
        assert seconds_until_told(url) < 1.0  # a quarter of a second, on a machine that may be busy


def test_an_address_that_cannot_be_read_is_told_without_its_password() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        LazyDeployment(load_settings(redis="redis://:secret/word@host:port")).jobs(1)
    assert "secret" not in str(caught.value)
