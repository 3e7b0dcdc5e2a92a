"""The language models behind `model:…` by the settings: each opened once in a process, remembered, then closed."""

from __future__ import annotations

import math
from types import TracebackType

from multirecall.recall.rewriters.generator import Generator
from multirecall.recall.rewriters.prompts import Prompt
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.quick_redis import QuickRedis
from multirecall.search.serving.remembered import RememberedGenerator
from multirecall.search.serving.shared_answers import SharedAnswers
from multirecall.wiring.request_body import request_body
from multirecall.wiring.settings import Settings

__all__ = ["ENDPOINT", "RewriterModels", "open_generator"]

ENDPOINT = "endpoint"
"""What stands behind `model:` for the one at `rewrite_url`."""

_STORE_TIMEOUT_S = 1.0  # for who has time to fill the cache
_SEARCH_TIMEOUT_S = 0.02  # connecting and asking together stay below the budget of a search


class RewriterModels:
    """Opens each model when it is first asked for; indexes that go live one after the other share it.

    `patient`: searches wait for it until their own deadline, as evaluation and training need it, and Redis has time.
    """

    def __init__(self, settings: Settings, *, patient: bool = False) -> None:
        self._settings = settings
        self._patient = patient
        self._opened: dict[tuple[str, str], RememberedGenerator] = {}

    def open(self, argument: str, language: str) -> RememberedGenerator:
        """The model that stands behind `model:`, remembered. Blocks while it is loaded.

        Raises InvalidSettings, MissingExtra, EncoderError that say what to do.
        """
        known = self._opened.get((argument, language))
        if known is not None:
            return known
        settings, counters = self._settings, Counters()
        url = settings.cache_redis.get_secret_value()
        generator = open_generator(settings, argument, language)
        shared = None
        if url:
            timeout_s = _STORE_TIMEOUT_S if self._patient else _SEARCH_TIMEOUT_S
            shared = SharedAnswers(
                QuickRedis(url, counters=counters, timeout_s=timeout_s),
                prefix=f"{settings.namespace}:rewrites",
                ttl_s=settings.rewrite_ttl_days * 86_400.0,
                counters=counters,
            )
        made = RememberedGenerator(
            generator,
            max_bytes=settings.rewrite_memory_mb * 1024 * 1024,
            shared=shared,
            counters=counters,
            wait_s=math.inf if self._patient else settings.rewrite_wait_s,
            work_s=settings.rewrite_work_s,
            max_pending=settings.rewrite_pending,
            redis_budget_s=2 * _STORE_TIMEOUT_S if self._patient else 2 * _SEARCH_TIMEOUT_S,
        )
        self._opened[argument, language] = made
        return made

    def close(self) -> None:
        """Ends their threads and connections; what is worked on is not waited for."""
        for opened in self._opened.values():
            opened.close()

    def __enter__(self) -> RewriterModels:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_generator(settings: Settings, argument: str, language: str) -> Generator:
    """The model itself. Raises as `RewriterModels.open` does."""
    prompt = Prompt(n=settings.rewrite_n, language=language)
    # The imports stand here: an endpoint must not load torch, and a model no client.
    if argument != ENDPOINT:
        from multirecall.recall.rewriters.hugging_face import open_hugging_face

        return open_hugging_face(argument, prompt=prompt)
    from multirecall.recall.rewriters.endpoint import ChatEndpoint

    return ChatEndpoint(
        settings.rewrite_url,
        model=settings.rewrite_model,
        prompt=prompt,
        api_key=settings.rewrite_api_key.get_secret_value(),
        body=request_body(settings.rewrite_body, "rewrite_body"),
    )
