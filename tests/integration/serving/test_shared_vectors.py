"""Vectors of queries in a real Redis: shared by processes, only if computing is slower, and never waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import redis

from multirecall.encoders.base import Float32Array
from multirecall.encoders.opening import open_encoder
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.query_vectors import RememberingEncoder
from multirecall.search.serving.quick_redis import QuickRedis
from multirecall.search.serving.shared_vectors import SharedVectors
from tests.support.own_redis import OwnRedis

pytestmark = pytest.mark.integration


class Timed:
    """A real encoder that takes a given time by a clock of its own, and notes what it computes."""

    def __init__(self, took_s: float) -> None:
        self.encoder = open_encoder("hashing?dim=64")
        self.took_s, self.now = took_s, 0.0
        self.texts: list[str] = []

    def clock(self) -> float:
        return self.now

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        self.now += self.took_s
        self.texts += texts
        return self.encoder.encode_queries(texts)

    def __getattr__(self, name: str) -> object:
        return getattr(self.encoder, name)


class Process:
    """What one process has: its memory, its connections, its counts."""

    def __init__(self, url: str, *, took_s: float = 0.02, timeout_s: float = 30.0) -> None:
        self.counters = Counters()
        self.encoder = Timed(took_s)
        quick = QuickRedis(url, counters=self.counters, timeout_s=timeout_s)
        self.shared = SharedVectors(quick, prefix="t:vectors", ttl_s=60.0, counters=self.counters)
        self.remembering = RememberingEncoder(
            self.encoder,  # type: ignore[arg-type]
            max_bytes=100_000,
            shared=self.shared,
            redis_budget_s=10 * timeout_s,
            clock=self.encoder.clock,
        )

    def ask(self, *texts: str) -> list[Float32Array]:
        return [self.remembering.encode_queries([text]) for text in texts]


@pytest.fixture(scope="module")
def own() -> Iterator[OwnRedis]:
    with OwnRedis() as own:
        yield own


@pytest.fixture
def client(own: OwnRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(own.url) as client:
        client.flushall()
        yield client


def stored(client: redis.Redis, process: Process, text: str) -> bytes:
    """Puts a vector there as that process would; gives its key."""
    vector = process.encoder.encoder.encode_queries([text])
    client.set(process.shared._key(process.remembering.fingerprint, text), vector.astype("<f4").tobytes())
    return process.shared._key(process.remembering.fingerprint, text).encode()


def test_what_another_process_computed_is_not_computed_again(own: OwnRedis, client: redis.Redis) -> None:
    process = Process(own.url)
    process.ask("the first is computed: how long that takes is not known yet")
    stored(client, process, "red lamp")
    (found,) = process.ask("red lamp")
    assert np.array_equal(found, process.encoder.encoder.encode_queries(["red lamp"]))
    assert not found.flags.writeable
    assert process.remembering.shared_hits == 1
    assert "red lamp" not in process.encoder.texts
    assert np.array_equal(process.ask("red lamp")[0], found)
    assert process.remembering.hits == 1
    process.shared.close()


def test_what_was_computed_is_stored_for_a_while(own: OwnRedis, client: redis.Redis) -> None:
    process = Process(own.url)
    process.ask("first", "red lamp", "a desk")
    keys = list(client.scan_iter("t:vectors:*"))
    assert len(keys) == 2
    for key in keys:
        assert process.remembering.fingerprint.encode() in key
        assert b"lamp" not in key
        assert client.strlen(key) == 4 * 64
        assert 0 < client.pttl(key) <= 60_000
    process.shared.close()


def test_an_encoder_that_is_quicker_than_redis_never_asks_it(own: OwnRedis, client: redis.Redis) -> None:
    process = Process(own.url, took_s=0.0005)
    process.ask(*(f"lamp {n}" for n in range(20)))
    assert len(process.encoder.texts) == 20
    assert client.dbsize() == 0
    assert process.counters.snapshot() == {}
    process.shared.close()


def test_what_is_no_vector_there_is_computed(own: OwnRedis, client: redis.Redis) -> None:
    process = Process(own.url)
    process.ask("first")
    bad = [b"", b"garbage", np.full(64, 1.0, "<f4").tobytes(), np.full(64, np.nan, "<f4").tobytes(), b"\0" * 128]
    for number, value in enumerate(bad):
        client.set(stored(client, process, f"lamp {number}"), value)
        (vector,) = process.ask(f"lamp {number}")
        assert np.array_equal(vector, process.encoder.encoder.encode_queries([f"lamp {number}"]))
    assert process.counters["redis_unreadable"] == len(bad)
    process.shared.close()


def test_a_redis_that_hangs_or_is_gone_is_left_alone() -> None:
    with OwnRedis() as own:
        process = Process(own.url, timeout_s=0.005)
        process.ask("first")
        with own.hung():
            vectors = process.ask(*(f"lamp {n}" for n in range(6)))
        own.kill()
        vectors += process.ask(*(f"desk {n}" for n in range(6)))
        assert all(np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5) for vector in vectors)
        assert len(process.encoder.texts) == 13
        assert process.counters["redis_bypassed"] > 0
        process.shared.close()
