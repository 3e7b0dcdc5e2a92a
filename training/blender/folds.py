"""Queries dealt to folds: never a query in training and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.training.blender.collecting import JudgedPool

__all__ = ["deal", "deal_bundles", "split_off"]

T = TypeVar("T")

_KIND_COLUMNS = ("class", "segment", "type")


def deal(pools: Sequence[JudgedPool], n_folds: int, *, seed: int) -> list[list[JudgedPool]]:
    """`n_folds` lists of about the same size, by `seed`; queries of one class (if the file names classes) are spread.

    Queries with the same text go to the same fold, under whatever id: the second would be a leak. Raises InvalidInput
    for fewer than 2 folds or fewer different queries than folds.
    """
    by_text: dict[str, list[JudgedPool]] = {}
    for pool in pools:
        by_text.setdefault(pool.query.text.casefold(), []).append(pool)
    return deal_bundles([(_kind(bundle[0]), bundle) for bundle in by_text.values()], n_folds, seed=seed)


def deal_bundles(bundles: Sequence[tuple[str, Sequence[T]]], n_folds: int, *, seed: int) -> list[list[T]]:
    """The same for anything: `bundles` are a kind, which is spread over the folds, and what must stay together."""
    if not 2 <= n_folds <= len(bundles):
        raise InvalidInput(
            f"{len(bundles)} different queries cannot be dealt to {n_folds} folds (2 at least).", field="folds"
        )
    order = np.random.default_rng(seed).permutation(len(bundles))
    ordered = sorted((bundles[at] for at in order), key=lambda bundle: bundle[0])  # stable: random within a kind
    return [[one for _, bundle in ordered[fold::n_folds] for one in bundle] for fold in range(n_folds)]


def split_off(pools: Sequence[JudgedPool], share: float, *, seed: int) -> tuple[list[JudgedPool], list[JudgedPool]]:
    """The pools without, and with, about `share` of them held out; spread over classes as by `deal`."""
    n_parts = max(2, round(1.0 / share))
    held_out, *rest = deal(pools, n_parts, seed=seed)
    return [pool for part in rest for pool in part], held_out


def _kind(pool: JudgedPool) -> str:
    return next((pool.judged.columns[name] for name in _KIND_COLUMNS if name in pool.judged.columns), "")
