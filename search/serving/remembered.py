"""RememberedGenerator: answers of a language model are kept, and one that comes late is kept for the next search."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, EncoderError, MultirecallError, StoreUnavailable
from multirecall.recall.rewriters.generator import Generated, Generator
from multirecall.search.breaker import Breaker
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.flights import Flights
from multirecall.search.serving.memory import ByteLru
from multirecall.search.serving.quick_redis import Budget
from multirecall.search.serving.shared_answers import SharedAnswers

__all__ = ["RememberedGenerator"]

_log = logging.getLogger("multirecall.search")

_ENTRY_BYTES = 300
_STORE_BUDGET_S = 5.0  # nobody waits for what is filled in, or stored by a background thread
_LOOKED_AT = 8
_END = ""  # no text is empty: `asked_text`
_LONGEST_WAIT_S = 3600.0  # future.result refuses infinity


class RememberedGenerator:
    """A generator that answers from memory, then from Redis, and only then asks its model. Safe for several threads.

    A search waits for the model until its deadline and `wait_s` at most, and not at all if the model has lately always
    taken longer. The answer is worked on in the background all the same, for `work_s` at most, and kept for the next
    search. Equal texts are asked for once. At most `max_pending` texts are worked on or wait, on `n_threads`; what is
    beyond is not asked. A model that keeps failing is left alone for a while (`breaker`). `redis_budget_s` is what one
    search may spend on Redis.

    `counters`: `hit_memory`, `hit_redis`, `asked`, `answered`, `late` (searches that went on without), `failed`,
    `refused` (pending was full, or the breaker open).
    """

    def __init__(
        self,
        generator: Generator,
        *,
        max_bytes: int,
        shared: SharedAnswers | None = None,
        counters: Counters | None = None,
        breaker: Breaker | None = None,
        wait_s: float = 0.3,
        work_s: float = 30.0,
        max_pending: int = 32,
        n_threads: int = 2,
        redis_budget_s: float = 0.04,
    ) -> None:
        self._generator = generator
        self._memory: ByteLru[Generated] = ByteLru(max_bytes)
        self._shared = shared
        self.counters = counters or Counters()
        self.breaker = breaker or Breaker("the rewriter's model", failures=3, window_s=60.0, open_s=15.0)
        self._wait_s, self._work_s = wait_s, work_s
        self._max_pending = max_pending
        self._redis_budget_s = redis_budget_s
        self._pending = 0
        self._lock = threading.Lock()
        self._flights: Flights[Generated] = Flights()
        self._took_s: deque[float] = deque(maxlen=_LOOKED_AT)
        self._n_threads = n_threads
        self._threads: list[threading.Thread] = []
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._closed = False

    @property
    def name(self) -> str:
        return self._generator.name

    @property
    def fingerprint(self) -> str:
        return self._generator.fingerprint

    @property
    def nbytes(self) -> int:
        """Memory of the answers kept."""
        return self._memory.nbytes

    @property
    def pending(self) -> int:
        """Texts that are worked on or wait for it."""
        return self._pending

    def generate(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        """The answers. Raises DeadlineExceeded if one is late (it is worked on), EncoderError if one cannot be had."""
        known = self._known(texts, Budget(min(self._redis_budget_s, deadline.remaining_s())))
        asked = {text: self._ask(text) for text in dict.fromkeys(texts) if text not in known}
        patience_s = min(self._wait_s, deadline.remaining_s())
        if asked and not any(future.done() for future in asked.values()) and self._is_slower_than(patience_s):
            raise self._late("it has lately taken longer than a search can wait")
        until = deadline if patience_s >= deadline.remaining_s() else Deadline.after(patience_s)
        for text, future in asked.items():
            try:
                known[text] = future.result(timeout=min(until.remaining_s(), _LONGEST_WAIT_S))
            except FutureTimeout:
                raise self._late("it was late") from None
        return [known[text] for text in texts]

    def fill(self, texts: Sequence[str], deadline: Deadline) -> tuple[int, int]:
        """Asks the model here and now for the texts whose answers are not known; how many were, and how many it gave.

        For who has time. Raises what the generator raises, and StoreUnavailable if there is a Redis that does not take
        the answers.
        """
        wanted = list(dict.fromkeys(texts))
        known = self._known(wanted, Budget(_STORE_BUDGET_S))
        missing = [text for text in wanted if text not in known]
        if missing:
            self.counters.count("asked", len(missing))
            answers = dict(zip(missing, self._generator.generate(missing, deadline), strict=True))
            self.counters.count("answered", len(missing))
            if self._keep(answers) < len(missing) and self._shared is not None:
                raise StoreUnavailable(
                    "Redis did not take the answers of the rewriter's model.",
                    hint="Check MULTIRECALL_CACHE_REDIS and how full it is, then run it again.",
                )
        return len(known), len(missing)

    def close(self) -> None:
        """Takes no more texts; those that wait are not worked on, and those that are, are not waited for."""
        with self._lock:
            self._closed = True
            threads = len(self._threads)
        while True:
            try:
                text = self._texts.get_nowait()
            except queue.Empty:
                break
            self._left()
            self._flights.land(text, self._is_closed())
        for _ in range(threads):
            self._texts.put(_END)
        if self._shared is not None:
            self._shared.close()

    def _known(self, texts: Sequence[str], budget: Budget) -> dict[str, Generated]:
        """What memory and Redis have; what Redis had is kept in memory too."""
        known: dict[str, Generated] = {}
        for text in dict.fromkeys(texts):
            found = self._memory.get(text)
            if found is not None:
                known[text] = found
        self.counters.count("hit_memory", len(known))
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing and self._shared is not None:
            found_there = self._shared.get(self.fingerprint, missing, budget)
            self.counters.count("hit_redis", len(found_there))
            self._remember(found_there)
            known |= found_there
        return known

    def _ask(self, text: str) -> Future[Generated]:
        """The answer that is being worked on, by us from now on if by nobody. Raises EncoderError if it may not be."""
        future, ours = self._flights.join(text)
        if not ours:
            return future
        landed = self._memory.get(text)  # by a flight that ended since we looked
        if landed is not None:
            self._flights.land(text, landed)
            return future
        try:
            self._begin(text)
        except BaseException as error:
            self._flights.land(text, error)
            raise
        return future

    def _begin(self, text: str) -> None:
        with self._lock:
            if self._closed:
                raise self._is_closed()
            full = self._pending >= self._max_pending
            refusal = "too many texts wait for it" if full else self.breaker.refusal()
            if not refusal:
                self._pending += 1
                self._texts.put(text)
                if len(self._threads) < min(self._n_threads, self._pending):
                    # Daemons: a model that hangs must not keep the process from ending.
                    thread = threading.Thread(target=self._work_on, name="rewriting", daemon=True)
                    self._threads.append(thread)
                    thread.start()
        self.counters.count("refused" if refusal else "asked")
        if refusal:
            raise EncoderError(f"The rewriter's model {self.name} is not asked: {refusal}.", model=self.name)

    def _work_on(self) -> None:
        while (text := self._texts.get()) != _END:
            self._work(text)

    def _now(self) -> float:
        """The clock of those who work in the background: closed, their time is over."""
        return math.inf if self._closed else time.monotonic()

    def _is_closed(self) -> EncoderError:
        return EncoderError(f"The rewriter's model {self.name} is closed.", model=self.name)

    def _work(self, text: str) -> None:
        """Asks the model for one text, keeps the answer and gives it to who waits."""
        started = time.monotonic()
        answer: Generated | BaseException
        try:
            answer = self._generator.generate([text], Deadline.after(self._work_s, self._now))[0]
        except Exception as error:  # noqa: BLE001 - it is told to all who wait, counted, and logged
            reason = error.message if isinstance(error, MultirecallError) else f"{type(error).__name__}: {error}"
            if not self._closed:
                self.counters.count("failed")
                self.breaker.failed(reason)
                _log.warning("the rewriter's model gave no answer: %s", reason)
            answer = error
        else:
            self.counters.count("answered")
            self.breaker.succeeded()
            self._keep({text: answer})
        self._took_s.append(time.monotonic() - started)
        self._left()
        self._flights.land(text, answer)

    def _left(self) -> None:
        with self._lock:
            self._pending -= 1

    def _is_slower_than(self, patience_s: float) -> bool:
        """Whether all of the last answers took longer; a few of them say nothing yet."""
        took = tuple(self._took_s)
        return len(took) == _LOOKED_AT and min(took) > patience_s

    def _late(self, why: str) -> DeadlineExceeded:
        self.counters.count("late")
        return DeadlineExceeded(
            f"The rewriter's model {self.name} was not waited for: {why}. The next search may have its answer.",
            what="the rewriter's model",
        )

    def _keep(self, answers: Mapping[str, Generated]) -> int:
        """In memory, and in Redis if there is one: how many it took."""
        self._remember(answers)
        if self._shared is None:
            return 0
        return self._shared.put(self.fingerprint, answers, Budget(_STORE_BUDGET_S))

    def _remember(self, answers: Mapping[str, Generated]) -> None:
        for text, answer in answers.items():
            self._memory.put(text, answer, 2 * (len(text) + len(answer.text)) + _ENTRY_BYTES)
