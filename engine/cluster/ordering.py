"""In which order services start, and in which they stop."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .errors import InvalidComposeFile

__all__ = ["start_waves", "stop_waves"]


def start_waves(waits_for: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Groups of names that may start at once, each behind all that it waits for; in a group in the order given.

    What is waited for but is no key (its profile is off, it runs elsewhere) does not count.

    Raises:
        InvalidComposeFile: Services wait for each other in a circle; the message names it.
    """
    left = list(waits_for)
    waves: list[list[str]] = []
    while left:
        wave = [name for name in left if not set(left) & set(waits_for[name])]
        if not wave:
            circle = _circle(left, waits_for)
            raise InvalidComposeFile(f"Services wait for each other: {' -> '.join(circle)}.", services=circle)
        waves.append(wave)
        left = [name for name in left if name not in wave]
    return waves


def stop_waves(waits_for: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Groups of names that may stop at once: nothing stops while something that waits for it at start still runs.

    Raises:
        InvalidComposeFile: As `start_waves`.
    """
    waited_for_by = {name: [other for other in waits_for if name in waits_for[other]] for name in waits_for}
    return start_waves(waited_for_by)


def _circle(left: Collection[str], waits_for: Mapping[str, Collection[str]]) -> list[str]:
    """A way from a name back to itself; there is one, because each of `left` waits for another of them."""
    path = [next(iter(left))]
    while path[-1] not in path[:-1]:
        path.append(next(other for other in waits_for[path[-1]] if other in left))
    return path[path.index(path[-1]) :]
