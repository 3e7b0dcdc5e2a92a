"""The file of semantic ids: codebooks, the rule that shortens ids, and the codes of the products they were made of.

One array file (`recall/array_file.py`): centroids and prices per layer, the maps of an RQ-VAE, full codes that are
settled, products and their full codes; the card has what is no array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import IndexCorrupt, InvalidInput
from multirecall.recall.array_file import open_arrays, texts_of, texts_to_arrays, write_arrays
from multirecall.recall.semantic_ids.identifiers import SemanticIds
from multirecall.recall.semantic_ids.quantiser import Affine, Codebook, Codes, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening

__all__ = ["StoredIds", "open_semantic_ids", "write_semantic_ids"]

_KIND, _VERSION = "semantic ids", 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredIds:
    """What a file holds. `codes`: shape (n, L), full, in the order of `products`.

    `fingerprint` is of all that an id depends on and of the products' codes; `card` is what was kept beside.
    """

    assigning: SemanticIds
    products: tuple[str, ...]
    codes: Codes
    fingerprint: str
    card: Mapping[str, Any] = field(default_factory=dict)


def write_semantic_ids(
    file: Path, assigning: SemanticIds, products: Sequence[str], codes: Codes, card: Mapping[str, Any]
) -> str:
    """Writes the file in one step and returns the fingerprint: equal for equal codebooks, rules, codes and card.

    `codes`: full codes of the products, shape (n, L). `card`: JSON values to keep beside (how it was trained, figures).
    Raises InvalidInput for codes that do not fit, OSError from the disk.
    """
    quantiser, rule = assigning.quantiser, assigning.shortening
    if codes.shape != (len(products), len(quantiser.codebooks)) or (codes < 0).any():
        raise InvalidInput("There is one full code per product.", field="codes")
    arrays: dict[str, NDArray[Any]] = {
        "codes": np.ascontiguousarray(codes, dtype=np.uint16),
        "settled": np.array(rule.settled, dtype=np.int64),
        **texts_to_arrays("products", products),
    }
    for at, book in enumerate(quantiser.codebooks):
        arrays |= {f"centroids.{at}": book.centroids, f"prices.{at}": book.prices}
    for at, one in enumerate(quantiser.encoder):
        arrays |= {f"weights.{at}": one.weights, f"bias.{at}": one.bias}
    body = {
        "kind": _KIND,
        "version": _VERSION,
        "encoder": assigning.encoder,
        "layers": len(quantiser.codebooks),
        "maps": len(quantiser.encoder),
        "categories": dict(quantiser.categories),
        "shortening": {"layer": rule.layer, "heads": sorted(rule.heads)},
        "card": dict(card),
    }
    return write_arrays(file, {name: np.ascontiguousarray(held) for name, held in arrays.items()}, body)[:16]


def open_semantic_ids(file: Path) -> StoredIds:
    """Reads a file. Raises NotFound, and IndexCorrupt for one that is damaged or of another version."""
    held = open_arrays(file, kind=_KIND, version=_VERSION)
    arrays, card = held.arrays, held.card
    try:
        books = [Codebook.of(arrays[f"centroids.{at}"], arrays[f"prices.{at}"]) for at in range(card["layers"])]
        maps = [Affine(weights=arrays[f"weights.{at}"], bias=arrays[f"bias.{at}"]) for at in range(card["maps"])]
        rule = card["shortening"]
        shortening = Shortening(
            layer=rule["layer"], heads=frozenset(rule["heads"]), settled=tuple(arrays["settled"].tolist())
        )
        quantiser = ResidualQuantiser(codebooks=tuple(books), encoder=tuple(maps), categories=card["categories"])
        return StoredIds(
            assigning=SemanticIds(quantiser=quantiser, shortening=shortening, encoder=card["encoder"]),
            products=texts_of("products", arrays),
            codes=arrays["codes"].astype(np.int32),
            fingerprint=held.digest[:16],
            card=card["card"],
        )
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise IndexCorrupt(
            f"The semantic ids in {file} cannot be used: {error}.", hint="Train them again.", path=str(file)
        ) from error
