"""Training examples: texts that people or the catalogue would use, each with the products that answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.recall.xmc.grams import Columns, Grams, columns_of, learned_grams
from multirecall.training.clicks.table import query_key

__all__ = ["Instances", "collect"]

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instances:
    """Rows of grams and their products. Row i has `columns` and `values` from `starts[i]` to `starts[i + 1]`;
    `row` and `product` say, pair by pair in rising order of the row, which product (by its place) answers which row."""

    grams: Grams
    products: tuple[str, ...]
    starts: Places
    columns: Columns
    values: Float32Array
    row: Places
    product: Places

    def __len__(self) -> int:
        return len(self.starts) - 1


def collect(pairs: Iterable[tuple[str, str]], *, language: str, columns: int = 1 << 18) -> Instances:
    """Examples of (text, product id) pairs; equal texts (case and spaces aside) are one with all their products.

    `columns`: places that grams are hashed to. Texts without a letter or digit are left out. Raises InvalidInput if
    nothing is left.
    """
    of_text: dict[str, dict[str, None]] = {}
    for text, product in pairs:
        of_text.setdefault(query_key(text), {}).setdefault(product)
    held = {text: columns_of(text, language, columns) for text in of_text}
    texts = [text for text, of in held.items() if len(of)]
    if not texts:
        raise InvalidInput("There is no text to learn from.", field="pairs")
    grams = learned_grams((held[text] for text in texts), language=language, size=columns)
    rows = [grams.row_of(held[text]) for text in texts]
    products = sorted({product for text in texts for product in of_text[text]})
    place = {product: at for at, product in enumerate(products)}
    named: Sequence[tuple[int, int]] = [(at, place[one]) for at, text in enumerate(texts) for one in of_text[text]]
    linked = np.array(named, dtype=np.int64)
    return Instances(
        grams=grams,
        products=tuple(products),
        starts=np.concatenate([[0], np.cumsum([len(row.columns) for row in rows])]).astype(np.int64),
        columns=np.concatenate([row.columns for row in rows]),
        values=np.concatenate([row.values for row in rows]),
        row=linked[:, 0],
        product=linked[:, 1],
    )
