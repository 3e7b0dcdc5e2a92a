"""SharedAnswers: what language models answered, in Redis, for all processes and for a long time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import orjson

from multirecall.recall.rewriters.generator import MAX_ANSWER_CHARS, Generated
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.quick_redis import Budget, QuickRedis

__all__ = ["SharedAnswers"]

_FORMAT = 1


class SharedAnswers:
    """By generator and text: `<prefix>:<fingerprint>:<hash of the text>`, JSON, for `ttl_s`.

    Another model, prompt or number of rewrites has keys of its own; what was kept for the old one ages away. An answer
    without anything in it is kept like any other, so that it is not asked for again. An entry that cannot be read is
    none. Redis may be away: then nothing is found and nothing kept. Safe for several threads.
    """

    def __init__(self, redis: QuickRedis, *, prefix: str, ttl_s: float, counters: Counters) -> None:
        self._redis = redis
        self._prefix = prefix
        self._ttl_ms = max(1, int(ttl_s * 1000))
        self._counters = counters

    def get(self, fingerprint: str, texts: Sequence[str], budget: Budget) -> dict[str, Generated]:
        """The answers that are known, by text."""
        if not texts:
            return {}
        keys = [self._key(fingerprint, text) for text in texts]
        found = self._redis.call(budget, self._redis.client.mget, keys)
        answers = ((text, self._read(value)) for text, value in zip(texts, found or (), strict=False))
        return {text: answer for text, answer in answers if answer is not None}

    def put(self, fingerprint: str, answers: Mapping[str, Generated], budget: Budget) -> int:
        """Keeps answers by text; how many were kept (0: Redis is away or nearly full)."""
        if not answers:
            return 0
        if self._redis.is_full(budget):
            self._counters.count("redis_full")
            return 0
        with self._redis.client.pipeline(transaction=False) as pipeline:
            for text, answer in answers.items():
                body = orjson.dumps([_FORMAT, answer.text, answer.log_probability])
                pipeline.set(self._key(fingerprint, text), body, px=self._ttl_ms)
            done = self._redis.call(budget, pipeline.execute)
        return len(done or ())

    def close(self) -> None:
        """Ends the connections."""
        self._redis.close()

    def _key(self, fingerprint: str, text: str) -> str:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return f"{self._prefix}:{fingerprint}:{digest}"

    def _read(self, value: bytes | None) -> Generated | None:
        if value is None:
            return None
        try:
            entry = orjson.loads(value)
        except ValueError:
            entry = None
        match entry:
            case [1, str(text), float() | int() | None as told] if not isinstance(told, bool):
                return Generated(text=text[:MAX_ANSWER_CHARS], log_probability=told)
        self._counters.count("redis_unreadable")
        return None
