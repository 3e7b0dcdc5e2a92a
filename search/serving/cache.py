"""ListCache: frozen lists in this process and in Redis; equal questions at one time are answered once."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from multirecall.core.deadline import Deadline
from multirecall.search.frozen import FrozenList
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.flights import Flights
from multirecall.search.serving.lifetimes import Lifetime, Lifetimes
from multirecall.search.serving.memory import ByteLru
from multirecall.search.serving.quick_redis import Budget
from multirecall.search.serving.shared import SharedLists

__all__ = ["Found", "ListCache"]

_log = logging.getLogger("multirecall.search")

_WAITING_SHARE = 0.5  # of the time left: so long a request waits for another process to make its list
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05
_LONGEST_WAIT_S = 3600.0  # future.result refuses infinity
_POINTER_BYTES = 300
_ALIKE_S = 0.05  # of two requests that began that close together, neither had notably more time

Make = Callable[[], FrozenList]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A list, and where it was. `status` and `level` as `CacheNote` has them; `shared`: Redis holds it for pages."""

    frozen: FrozenList
    status: str
    level: str = ""
    age_s: float = 0.0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class _Pointer:
    """Which list answers a key, since when (on our clock), and for how long."""

    list_id: str
    made_at: float
    lifetime: Lifetime


@dataclass(frozen=True, slots=True)
class _Held:
    frozen: FrozenList
    shared: bool


@dataclass(frozen=True, slots=True)
class _Landed:
    """What a flight brings, and until when whoever made it had time."""

    found: Found
    deadline_s: float


class ListCache:
    """Answers keys with lists that are fresh, or a little stale while a new one is made. Safe for several threads.

    What is found here was made under the same key, so on the same generation by the same models (`key.py`): no entry
    is ever dropped because an index went live, it is merely not looked for any more. Degraded lists are kept for their
    pages only. `budget_s` is all the time that a request may spend on Redis.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        lifetimes: Lifetimes | None = None,
        shared: SharedLists | None = None,
        counters: Counters | None = None,
        n_refreshing: int = 2,
        max_refreshes: int = 32,
        budget_s: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lifetimes = lifetimes or Lifetimes()
        self.counters = counters or Counters()
        self._shared = shared
        self._clock = clock
        self._budget_s = budget_s
        self._pointers: ByteLru[_Pointer] = ByteLru(max_bytes // 8)
        self._lists: ByteLru[_Held] = ByteLru(max_bytes - max_bytes // 8)
        self._flights: Flights[_Landed] = Flights()
        self._refreshing: set[str] = set()
        self._refreshing_lock = threading.Lock()
        self._max_refreshes = max_refreshes
        self._pool = ThreadPoolExecutor(max_workers=n_refreshing, thread_name_prefix="refresh")

    @property
    def shared(self) -> SharedLists | None:
        return self._shared

    @property
    def nbytes(self) -> int:
        """Memory held by lists in this process."""
        return self._lists.nbytes + self._pointers.nbytes

    @property
    def evicted(self) -> int:
        """Lists dropped from this process because others needed their room."""
        return self._lists.evicted

    def find(self, key: str, make: Make, remake: Callable[[], FrozenList | None], deadline: Deadline) -> Found:
        """The list of the key; `make` makes it if nobody has it, `remake` later, in the background, if it is stale.

        `remake` gives None if the key is no longer of the live generation. Raises what `make` raises.
        """
        found = self._in_memory(key)
        if found is None:
            flight, mine = self._flights.join(key)
            if not mine:
                return self._joined(flight, make, deadline)
            found = self._landed(key, make, deadline)
        if found.status == "stale":
            self._refresh(key, remake)
        self.counters.count(f"{found.status}_{found.level}" if found.level else found.status)
        return found

    def at_hand(self, key: str) -> Found | None:
        """The list of the key if it is in memory and fresh; counted as a hit then, and as nothing else otherwise."""
        found = self.peek(key)
        if found is not None:
            self.counters.count("hit_memory")
        return found

    def peek(self, key: str) -> Found | None:
        """The same, counted as nothing at all."""
        found = self._in_memory(key)
        return found if found is not None and found.status == "hit" else None

    def keep(self, frozen: FrozenList) -> bool:
        """Keeps a list for its pages alone; whether Redis holds it."""
        stored = self._shared.store(frozen, Budget(self._budget_s)) if self._shared else 0
        self._lists.put(frozen.id, _Held(frozen, bool(stored)), frozen.nbytes)
        return bool(stored)

    def page_list(self, list_id: str) -> tuple[Found | None, bool]:
        """The list of a page token, and whether Redis answered; None: it is not there, or Redis is not."""
        held = self._lists.get(list_id)
        if held is not None:
            return Found(frozen=held.frozen, status="hit", level="memory", shared=held.shared), True
        if self._shared is None:
            return None, True
        looked = self._shared.list(list_id, Budget(self._budget_s))
        if looked.frozen is None:
            return None, not looked.away
        self._lists.put(list_id, _Held(looked.frozen, True), looked.frozen.nbytes)
        return Found(frozen=looked.frozen, status="hit", level="redis", shared=True), True

    def close(self) -> None:
        """Ends the background work; what is stored in Redis stays."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._shared is not None:
            self._shared.close()

    def _in_memory(self, key: str) -> Found | None:
        pointer = self._pointers.get(key)
        held = None if pointer is None else self._lists.get(pointer.list_id)
        if pointer is None or held is None:
            return None
        age_s = self._clock() - pointer.made_at
        status = _status(age_s, pointer.lifetime)
        if not status:
            self._pointers.drop(key)
            return None
        return Found(frozen=held.frozen, status=status, level="memory", age_s=age_s, shared=held.shared)

    def _landed(self, key: str, make: Make, deadline: Deadline) -> Found:
        """What the first of several equal requests finds, for all of them."""
        try:
            found = self._in_memory(key) or self._looked_up(key, make, deadline)
        except BaseException as error:
            self._flights.land(key, error)
            raise
        self._flights.land(key, _Landed(found, deadline.at_s))
        return found

    def _joined(self, flight: Future[_Landed], make: Make, deadline: Deadline) -> Found:
        """Waits for the first one; takes no degraded answer from somebody who had less time."""
        self.counters.count("joined")
        try:
            landed = flight.result(timeout=min(deadline.remaining_s(), _LONGEST_WAIT_S))
        except FutureTimeout:
            return Found(frozen=make(), status="miss")
        if landed.found.frozen.degraded and deadline.at_s > landed.deadline_s + _ALIKE_S:
            return Found(frozen=make(), status="miss")
        return landed.found

    def _looked_up(self, key: str, make: Make, deadline: Deadline) -> Found:
        """From Redis; or made here, if no other process is about to, or waiting for that one takes too long."""
        budget = Budget(self._budget_s)
        if self._shared is None:
            return self._made(key, make, "", budget)
        owner = secrets.token_hex(8)
        patience = deadline.child(_WAITING_SHARE)
        pause_s = _FIRST_PAUSE_S
        while True:
            looked = self._shared.look(key, owner, deadline.remaining_s() + 1.0, budget)
            if looked.frozen is not None:
                lifetime = self.lifetimes.of(looked.frozen)
                age_s = max(0.0, lifetime.all_s - looked.left_ms / 1000.0)
                if status := _status(age_s, lifetime):
                    self._hold(key, looked.frozen, lifetime, age_s=age_s, shared=True)
                    return Found(frozen=looked.frozen, status=status, level="redis", age_s=age_s, shared=True)
            if looked.ours or looked.away or looked.frozen is not None:
                break
            if patience.expired:
                self.counters.count("waited_in_vain")
                break
            time.sleep(min(pause_s, patience.remaining_s()))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return self._made(key, make, owner if looked.ours else "", budget)

    def _made(self, key: str, make: Make, owner: str, budget: Budget) -> Found:
        try:
            frozen = make()
        except BaseException:
            if owner and self._shared is not None:
                self._shared.unlock(key, owner, budget)
            raise
        lifetime = self.lifetimes.of(frozen)
        stored = 0
        if self._shared is not None:
            stored = self._shared.store(frozen, budget, key=key, lives_s=lifetime.all_s, owner=owner)
            self.counters.count("stored_bytes", stored)
        self._hold(key, frozen, lifetime, age_s=0.0, shared=bool(stored))
        return Found(frozen=frozen, status="miss", shared=bool(stored))

    def _hold(self, key: str, frozen: FrozenList, lifetime: Lifetime, *, age_s: float, shared: bool) -> None:
        self._lists.put(frozen.id, _Held(frozen, shared), frozen.nbytes)
        if lifetime.all_s > 0.0:
            self._pointers.put(key, _Pointer(frozen.id, self._clock() - age_s, lifetime), _POINTER_BYTES)

    def _refresh(self, key: str, remake: Callable[[], FrozenList | None]) -> None:
        """Has the list made anew in the background, unless that is under way or too much else is."""
        with self._refreshing_lock:
            if key in self._refreshing:
                return
            if len(self._refreshing) >= self._max_refreshes:
                self.counters.count("refresh_dropped")
                return
            self._refreshing.add(key)
        try:
            self._pool.submit(self._refreshed, key, remake)
        except RuntimeError:  # closed meanwhile
            self._refreshing.discard(key)

    def _refreshed(self, key: str, remake: Callable[[], FrozenList | None]) -> None:
        try:
            self._remade(key, remake)
        except Exception as error:  # noqa: BLE001 - the stale list is answered on, until its time is over
            self.counters.count("refresh_failed")
            _log.warning("a cached list could not be made anew: %s", error)
        finally:
            with self._refreshing_lock:
                self._refreshing.discard(key)

    def _remade(self, key: str, remake: Callable[[], FrozenList | None]) -> None:
        budget, owner = Budget(self._budget_s), ""
        if self._shared is not None:
            looked = self._shared.look(key, "", 0.0, budget)
            if looked.frozen is not None:  # another process may have been faster
                lifetime = self.lifetimes.of(looked.frozen)
                age_s = lifetime.all_s - looked.left_ms / 1000.0
                if age_s < lifetime.fresh_s:
                    self._hold(key, looked.frozen, lifetime, age_s=age_s, shared=True)
                    return
            owner = secrets.token_hex(8)
            if not self._shared.lock(key, owner, 10.0, budget):
                return
        frozen = remake()
        if frozen is None:
            if self._shared is not None:
                self._shared.unlock(key, owner, budget)
            return
        self._made(key, lambda: frozen, owner, Budget(self._budget_s))
        self.counters.count("refreshed")


def _status(age_s: float, lifetime: Lifetime) -> str:
    """`hit`, `stale`, or empty for a list that is too old."""
    if age_s < lifetime.fresh_s:
        return "hit"
    return "stale" if age_s < lifetime.all_s else ""
