"""Batches by token count: texts of like length together, so that little work goes into padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["batches", "padded"]


def batches(lengths: Sequence[int], max_padded_tokens: int) -> Iterator[NDArray[np.intp]]:
    """Yields the positions of the texts in each batch: every position once, shortest texts first.

    A batch of n texts whose longest has m tokens costs n * m padded tokens, which stays within
    `max_padded_tokens`; a text longer than that is a batch of its own, so a cap of 1 gives one text per batch.
    Ties keep their order. Raises InvalidInput for a cap below 1.
    """
    if max_padded_tokens < 1:
        raise InvalidInput(f"A batch holds at least 1 token, got {max_padded_tokens}.", field="max_padded_tokens")
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    for stop in range(1, len(order) + 1):
        # `order` rises, so the text at `stop` would be the longest of the batch if it were added.
        is_full = stop < len(order) and (stop + 1 - start) * max(1, lengths[order[stop]]) > max_padded_tokens
        if is_full or stop == len(order):
            yield order[start:stop]
            start = stop


def padded(token_ids: Sequence[Sequence[int]], pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids as one array and its mask (1: token, 0: padding); both (n, longest), int64, padded on the right.

    A batch without any token is one token wide, all padding: models cannot take a width of 0.
    """
    if len(token_ids) == 1 and token_ids[0]:
        only = np.array(token_ids, dtype=np.int64)
        return only, np.ones_like(only)
    longest = max((len(ids) for ids in token_ids), default=1) or 1
    ids_array = np.full((len(token_ids), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(token_ids), longest), dtype=np.int64)
    for row, ids in enumerate(token_ids):
        ids_array[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
    return ids_array, mask
