"""Ids of variable length: which tokens of one layer are left out, the remedy for a sand-glass.

In the middle layer of residual codes few tokens stand for most products: they cost a step of decoding and say little.
Codes are shortened after they were made with all layers. Three rules, which may be combined:

    heads     tokens that are left out wherever they stand: the K most frequent ones, or all (`drop_layer`)
    settled   full codes whose other tokens tell this one already: leaving it out moves no product to another bucket

Which K is chosen in `training/semantic_id/choosing.py`; this is what a new product needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.recall.semantic_ids.quantiser import Codes

__all__ = ["LEFT_OUT", "Shortening", "code_keys"]

LEFT_OUT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortening:
    """Leaves tokens of `layer` (0 is the first) out.

    `heads`: codes of that layer. `settled`: keys (`code_keys`) of full codes, in rising order. None of both: full ids.
    """

    layer: int = 1
    heads: frozenset[int] = frozenset()
    settled: tuple[int, ...] = field(default=(), repr=False)

    def shorten(self, codes: Codes, sizes: tuple[int, ...]) -> Codes:
        """The codes with LEFT_OUT where a token goes; a new array. `sizes`: codes per layer."""
        if not self.heads and not self.settled:
            return codes.copy()
        if not 0 <= self.layer < codes.shape[1]:
            raise InvalidInput(f"Codes of {codes.shape[1]} layers have no layer {self.layer}.", field="layer")
        goes = np.isin(codes[:, self.layer], np.array(sorted(self.heads), dtype=np.int32))
        if self.settled:
            goes |= np.isin(code_keys(codes, sizes), np.array(self.settled, dtype=np.int64))
        short = codes.copy()
        short[goes, self.layer] = LEFT_OUT
        return short


def code_keys(codes: Codes, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """One whole number per code, shape (n,): equal ones for equal codes, LEFT_OUT counted as a value of its own.

    Raises InvalidInput where the codes of all layers are more than 64 bits can number.
    """
    steps = [size + 1 for size in sizes]
    if np.prod(np.array(steps, dtype=object)) >= 2**63:
        raise InvalidInput(f"Layers of {sizes} codes are too many to number.", field="sizes", hint="Use fewer layers.")
    keys = np.zeros(len(codes), dtype=np.int64)
    for column, step in zip(codes.T, steps, strict=True):
        keys = keys * step + (column + 1)
    return keys
