"""Words that begin almost as what was typed: one letter wrong, missing, too many, or two of them swapped."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

__all__ = ["near_ranges"]

_LEAST_LETTERS = 4
_LAST = "\U0010ffff"


def near_ranges(words: Sequence[str], typed: str, *, as_prefix: bool) -> list[tuple[int, int]]:
    """Where in `words` (sorted, each once) those stand that are one edit behind the first letter away from `typed`, or
    begin so.

    Ranges of positions, which may overlap; none for what is shorter than four letters or holds a digit: another
    number is another thing. Letters that stand in no word are not tried, so any alphabet will do.
    """
    if len(typed) < _LEAST_LETTERS or not typed.isalpha():
        return []
    found = []
    low, high = 0, len(words)
    for place in range(1, len(typed) + (not as_prefix)):
        before = typed[:place]
        low, high = bisect_left(words, before, low, high), bisect_left(words, before + _LAST, low, high)
        if low == high:
            break
        for near, begin, end in _edited(words, before, typed[place:], low, high):
            first = bisect_left(words, near, begin, end)
            if first < end and words[first].startswith(near):
                if as_prefix:
                    found.append((first, bisect_left(words, near + _LAST, first, end)))
                elif words[first] == near:
                    found.append((first, first + 1))
    return found


def _edited(words: Sequence[str], before: str, after: str, low: int, high: int) -> Iterator[tuple[str, int, int]]:
    """What may have been meant if the first mistake is at the beginning of `after`, and where it would stand."""
    yield before + after[1:], low, high
    if len(after) > 1:
        yield before + after[1] + after[0] + after[2:], low, high
    while low < high:
        if len(words[low]) == len(before):
            low += 1
            continue
        begin = before + words[low][len(before)]
        end = bisect_left(words, begin + _LAST, low, high)
        yield begin + after, low, end
        yield begin + after[1:], low, end
        low = end
