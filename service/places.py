"""Places: so many searches at work, so many waiting, and no more: whoever comes then is refused before any work."""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from multirecall.core.errors import Backpressure, InvalidInput

__all__ = ["Places"]

T = TypeVar("T")

_LONGEST_PAUSE = 4.0
_LONGEST_LINE_S = 0.25
_SHORT_LINE = 8
_OTHERS_S = 2.0


class Places:
    """Runs blocking work in threads of its own, for callers that share the places fairly.

    At most `at_work` at a time, at most `waiting` behind them; one caller has at most `share` of either, always: what
    a flood takes while the others pause could not be taken back when they come. Of callers that wait, the one goes on
    that was at work for the shortest time, each with its oldest request (start-time fair queueing). Who `yields`, or
    has more than one waiting, begins only while those who do not have less than half of the places at work: what
    computes beside a search slows it. It goes on all the same after four times as long as work usually takes. While
    others ask, one caller has no more waiting than is done in a quarter of a second, or eight for each of its places.
    `worked` is told, in the loop, how long each was at work. For one event loop; the threads end with `close`.
    """

    def __init__(
        self,
        name: str,
        *,
        at_work: int,
        waiting: int,
        share: float = 1.0,
        yields: Callable[[str], bool] | None = None,
        worked: Callable[[str, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if at_work < 1 or waiting < 0 or not 0 < share <= 1:
            raise InvalidInput("at_work of 1 or more, waiting of 0 or more, share of 0 to 1.", field=name)
        self.name = name
        self._at_work, self._waiting = at_work, waiting
        self._each_at_work, self._each_waiting = math.ceil(at_work * share), math.ceil(waiting * share)
        self._pool = ThreadPoolExecutor(max_workers=at_work, thread_name_prefix=name)
        self._working: Counter[str] = Counter()
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._yields, self._worked, self._clock = yields, worked, clock
        self._usual_s = 0.05
        self._now_s = 0.0
        self._used_s: dict[str, float] = {}
        self._began_at: dict[str, float] = {}

    @property
    def n_working(self) -> int:
        return self._working.total()

    @property
    def n_waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    async def run(self, caller: str, work: Callable[[], T], *, wait_s: float) -> T:
        """The result of `work`, or what it raises. Raises Backpressure if there is no place, or none within `wait_s`.

        If the one who waits goes away, the work still runs to its end and keeps its place until then.
        """
        if self._queues or not self._may_begin(caller):
            await self._turn(caller, wait_s)
        else:
            self._begin(caller)
        loop = asyncio.get_running_loop()
        started = self._clock()

        def leave(_: Future[T]) -> None:
            with_loop_alive(loop, lambda: self._leave(caller, self._clock() - started))

        try:
            future = self._pool.submit(contextvars.copy_context().run, work)
        except RuntimeError:  # the pool is closed: the process is about to end
            self._leave(caller, 0.0)
            raise self._full("The service is ending.") from None
        future.add_done_callback(leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the threads; what waits in them is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, caller: str, wait_s: float) -> None:
        """Waits for a place and takes it."""
        queue = self._queues.get(caller, deque())
        if self.n_waiting >= self._waiting or len(queue) >= self._each_waiting or self._long(caller, len(queue)):
            raise self._full("All places are taken, and as many wait as may.")
        self._queues[caller] = queue
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._call_next()
        try:
            async with asyncio.timeout(wait_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # its turn came at that very moment: give the place on
                self._leave(caller, 0.0)
            elif turn in queue:
                queue.remove(turn)
                if not queue:
                    self._queues.pop(caller, None)
            if isinstance(error, TimeoutError):
                raise self._full("No place became free in the time of the request.") from None
            raise

    def _long(self, caller: str, n_waiting: int) -> bool:
        """Whether others ask too, and what this caller has waiting takes long as it is."""
        if n_waiting < self._each_at_work * max(_SHORT_LINE, _LONGEST_LINE_S / self._usual_s):
            return False
        recent = self._clock() - _OTHERS_S
        return any(at > recent for one, at in self._began_at.items() if one != caller)

    def _may_begin(self, caller: str) -> bool:
        if self.n_working >= self._at_work or self._working[caller] >= self._each_at_work:
            return False
        if not self._gives_way(caller):
            return True
        others = sum(n for one, n in self._working.items() if one != caller and not self._gives_way(one))
        if others < max(1, self._at_work // 2):
            return True
        return self._clock() - self._began_at.get(caller, -math.inf) > _LONGEST_PAUSE * self._usual_s

    def _gives_way(self, caller: str) -> bool:
        return len(self._queues.get(caller, ())) > 1 or (self._yields is not None and self._yields(caller))

    def _begin(self, caller: str) -> None:
        """Takes a place."""
        self._now_s = self._used_s[caller] = self._used_up_to(caller)
        self._began_at[caller] = self._clock()
        self._working[caller] += 1

    def _used_up_to(self, caller: str) -> float:
        """Where its time at work ends; not before where whoever began last began: nobody saves up by not asking."""
        return max(self._now_s, self._used_s.get(caller, 0.0))

    def _leave(self, caller: str, took_s: float) -> None:
        self._used_s[caller] += took_s
        self._working[caller] -= 1
        if self._working[caller] <= 0:
            del self._working[caller]
        if took_s:
            self._usual_s += 0.1 * (took_s - self._usual_s)
            if self._worked is not None:
                self._worked(caller, took_s)
        self._call_next()

    def _call_next(self) -> None:
        """Gives free places to those who wait."""

        def used_s(caller: str) -> float:
            return self._used_up_to(caller) + self._working[caller] * self._usual_s

        while able := [caller for caller in self._queues if self._may_begin(caller)]:
            caller = min(able, key=used_s)  # of equal ones the longest in the row
            queue = self._queues.pop(caller)
            turn = queue.popleft()
            if queue:
                self._queues[caller] = queue  # behind all the others
            if not turn.done():
                self._begin(caller)
                turn.set_result(None)

    def _full(self, message: str) -> Backpressure:
        ahead = self.n_waiting + self.n_working
        return Backpressure(
            message,
            hint="Try again later.",
            retry_after_s=max(1.0, round(ahead * self._usual_s / self._at_work, 1)),
            where=self.name,
        )


def with_loop_alive(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Calls back in the loop's thread; after its end there is nobody to tell."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return
