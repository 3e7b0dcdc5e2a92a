"""SemanticIds: from a product's vector to the tokens of its id, and to the keyword that the index holds.

Each layer has tokens of its own (`<a_17>`, `<b_3>`, `<c_40>`), so that ids of different lengths are told apart,
whatever was left out. Products with one id are a bucket.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.recall.semantic_ids.quantiser import Codes, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening

__all__ = ["MAX_LAYERS", "SemanticIds", "Token", "identifier", "tokens_of"]

MAX_LAYERS = 26
_TOKEN = re.compile(r"<([a-z])_(0|[1-9][0-9]{0,4})>")


class Token(NamedTuple):
    """A code with its layer (0 is the first); as text `<a_17>`."""

    layer: int
    code: int

    def __str__(self) -> str:
        return f"<{chr(ord('a') + self.layer)}_{self.code}>"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SemanticIds:
    """How products get their ids. `encoder` is the fingerprint of the encoder whose vectors are quantised."""

    quantiser: ResidualQuantiser
    shortening: Shortening
    encoder: str

    def __post_init__(self) -> None:
        if len(self.quantiser.codebooks) > MAX_LAYERS:
            raise InvalidInput(f"An id has at most {MAX_LAYERS} layers.", field="codebooks")

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """All tokens that an id may hold, layer by layer."""
        return tuple(str(Token(layer, code)) for layer, size in enumerate(self.quantiser.sizes) for code in range(size))

    def codes(self, vectors: Float32Array, categories: Sequence[str | None] | None = None) -> Codes:
        """Shortened codes of products, shape (n, L), for vectors of shape (n, dim); new products need no training."""
        return self.shortening.shorten(self.quantiser.codes(vectors, categories), self.quantiser.sizes)

    def ids(self, vectors: Float32Array, categories: Sequence[str | None] | None = None) -> list[str]:
        """The id of each product, as the index holds it."""
        return [identifier(row) for row in self.codes(vectors, categories).tolist()]


def identifier(codes: Sequence[int]) -> str:
    """`<a_1><c_3>` of one row of codes (1, -1, 3)."""
    return "".join(str(Token(layer, code)) for layer, code in enumerate(codes) if code >= 0)


def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of an id. Raises InvalidInput for a text that is none: layers rise within an id."""
    found = tuple(Token(ord(letter) - ord("a"), int(code)) for letter, code in _TOKEN.findall(text))
    rising = all(left.layer < right.layer for left, right in itertools.pairwise(found))
    if not found or not rising or "".join(map(str, found)) != text:
        raise InvalidInput(f"{text!r} is no semantic id, such as <a_17><c_40>.", field="semantic_id")
    return found
