"""Train, dev and test, so that no meaning, concept or wording of one split occurs in another.

A text is put into a split by its own hash: the same on every machine, for every seed and size, so that what one
test bed trains on, another one never tests.
"""

from __future__ import annotations

from collections.abc import Sequence

from multirecall.evaluation.testbed.draws import share

__all__ = ["SPLITS", "SPLIT_SHARES", "split_by_rank", "split_of"]

SPLITS = ("train", "dev", "test")
SPLIT_SHARES = {"train": 0.55, "dev": 0.15, "test": 0.30}


def split_of(text: str) -> str:
    """The split of a meaning's signature, a synonym pair or another concept."""
    at = share("split/" + text)
    if at < SPLIT_SHARES["train"]:
        return "train"
    return "dev" if at < SPLIT_SHARES["train"] + SPLIT_SHARES["dev"] else "test"


def split_by_rank(keys: Sequence[str]) -> dict[str, str]:
    """Splits of a closed list of concepts in exact shares (rounded): ranked by hash, then cut."""
    ranked = sorted(keys, key=lambda key: (share("split/" + key), key))
    train = round(SPLIT_SHARES["train"] * len(ranked))
    dev = train + round(SPLIT_SHARES["dev"] * len(ranked))
    return {key: "train" if i < train else "dev" if i < dev else "test" for i, key in enumerate(ranked)}
