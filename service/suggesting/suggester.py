"""Suggester: completions of the live index, made anew in the background when another one goes live."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from multirecall.service.suggesting.completions import Completions, Suggestion

__all__ = ["Suggester"]

_log = logging.getLogger("multirecall.service")

_AFTER_FAILURE_S = 10.0


@dataclass(frozen=True, slots=True)
class _Made:
    completions: Completions
    generation: str
    at: float


class Suggester:
    """Answers from memory at any time; `read` gives the texts of an index, and may take its time.

    `look` asks whether they are to be read anew: on another generation, or after `every_s` (products and queries
    change). It is done in one thread; until then the old ones answer, at first none.
    """

    def __init__(
        self,
        read: Callable[[str], Iterable[Suggestion]],
        *,
        generation: Callable[[], str],
        every_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._generation = generation
        self._every_s = every_s
        self._clock = clock
        self._made = _Made(Completions(), "", -every_s)
        self._reading = threading.Lock()
        self._not_before = -math.inf

    @property
    def generation(self) -> str:
        """The index whose texts are suggested; empty before the first was read."""
        return self._made.generation

    def find(self, typed: str, size: int) -> list[Suggestion]:
        """The best `size` completions; looks whether they are still those of the live index."""
        self.look()
        return self._made.completions.find(typed, size)

    def look(self) -> None:
        """Has the texts read in the background if they are not current; after a failure not at once again."""
        if self._is_current() or self._reading.locked() or self._clock() < self._not_before:
            return
        threading.Thread(target=self.refresh, name="suggest", daemon=True).start()

    def refresh(self) -> None:
        """Reads the texts now if they are not current. What cannot be read leaves the old ones in place."""
        with self._reading:
            generation = self._generation()
            if not generation or self._is_current():
                return
            try:
                self._made = _Made(Completions(self._read(generation)), generation, self._clock())
            except Exception as error:  # noqa: BLE001 - the old texts go on answering; the log says why
                self._not_before = self._clock() + _AFTER_FAILURE_S
                _log.warning("the texts to suggest could not be read: %s", error)
                return
        _log.info("%d texts to suggest, of index %s", len(self._made.completions), generation)

    def _is_current(self) -> bool:
        recent = self._clock() - self._made.at < self._every_s
        return recent and self._made.generation == self._generation()
