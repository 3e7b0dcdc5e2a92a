"""Suggester: completions of the live index, made anew in the background when another one goes live."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from multirecall.service.suggesting.completions import Completions, Suggestion

__all__ = ["Suggester"]

_log = logging.getLogger("multirecall.service")


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

    @property
    def generation(self) -> str:
        """The index whose texts are suggested; empty before the first was read."""
        return self._made.generation

    def find(self, typed: str, size: int) -> list[Suggestion]:
        """The best `size` completions; looks whether they are still those of the live index."""
        self.look()
        return self._made.completions.find(typed, size)

    def look(self) -> None:
        """Has the texts read in the background if they are not current."""
        if self._is_current() or self._reading.locked():
            return
        threading.Thread(target=self.refresh, name="suggest", daemon=True).start()

    def refresh(self) -> None:
        """Reads the texts now, unless somebody does. What cannot be read leaves the old ones in place."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            generation = self._generation()
            if generation and not self._is_current():
                self._made = _Made(Completions(self._read(generation)), generation, self._clock())
                _log.info("%d texts to suggest, of index %s", len(self._made.completions), generation)
        except Exception as error:  # noqa: BLE001 - the old texts go on answering; the log says why
            _log.warning("the texts to suggest could not be read: %s", error)
            self._made = _Made(self._made.completions, self._made.generation, self._clock())
        finally:
            self._reading.release()

    def _is_current(self) -> bool:
        recent = self._clock() - self._made.at < self._every_s
        return recent and self._made.generation == self._generation()
