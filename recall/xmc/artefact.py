"""The file of a tree of classifiers: one array file (`recall/array_file.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import IndexCorrupt, InvalidInput
from multirecall.recall.array_file import open_arrays, texts_of, texts_to_arrays, write_arrays
from multirecall.recall.xmc.grams import Grams
from multirecall.recall.xmc.tree import TreeLevel, XmcTree

__all__ = ["open_tree", "write_tree"]

_KIND, _VERSION = "xmc tree", 1
_PARTS = ("first", "starts", "columns", "weights", "bias")


def write_tree(file: Path, tree: XmcTree, card: Mapping[str, Any]) -> XmcTree:
    """Writes the file in one step, and gives the tree with its fingerprint. `card`: JSON values to keep beside.

    Raises OSError from the disk.
    """
    arrays: dict[str, NDArray[Any]] = {"grams": tree.grams.weights, **texts_to_arrays("products", tree.products)}
    for at, level in enumerate(tree.levels):
        arrays |= {f"{part}.{at}": np.ascontiguousarray(getattr(level, part)) for part in _PARTS}
    body = {
        "kind": _KIND,
        "version": _VERSION,
        "language": tree.grams.language,
        "levels": len(tree.levels),
        "card": dict(card),
    }
    return replace(tree, fingerprint=write_arrays(file, arrays, body)[:16])


def open_tree(file: Path) -> XmcTree:
    """Maps a file. Raises NotFound, and IndexCorrupt for one that is damaged or of another version."""
    held = open_arrays(file, kind=_KIND, version=_VERSION)
    try:
        return XmcTree(
            grams=Grams(language=held.card["language"], weights=held.arrays["grams"]),
            levels=tuple(
                TreeLevel(**{part: held.arrays[f"{part}.{at}"] for part in _PARTS}) for at in range(held.card["levels"])
            ),
            products=texts_of("products", held.arrays),
            fingerprint=held.digest[:16],
        )
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise IndexCorrupt(
            f"The tree in {file} cannot be used: {error}.", hint="Train it again.", path=str(file)
        ) from error
