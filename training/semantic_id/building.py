"""Semantic ids of a catalogue: codes by a quantiser, shortened by a rule, with figures of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.recall.semantic_ids.artefact import write_semantic_ids
from multirecall.recall.semantic_ids.identifiers import SemanticIds
from multirecall.recall.semantic_ids.quantiser import Codes, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening
from multirecall.training.semantic_id.diagnosing import (
    IdFigures,
    LayerFigures,
    has_sand_glass,
    id_figures,
    layer_counts,
    layer_figures,
)

__all__ = ["BuiltIds", "built_ids"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuiltIds:
    """Ids of the products, in their order. `layers` are figures of the full codes (n, L), `ids` of the shortened."""

    assigning: SemanticIds
    products: tuple[str, ...]
    codes: Codes
    layers: tuple[LayerFigures, ...]
    ids: IdFigures

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "layers": [layer.to_dict() for layer in self.layers],
            "ids": self.ids.to_dict(),
            "sand_glass": len(self.layers) > 2 and has_sand_glass(self.layers),
        }

    def write(self, file: Path, card: Mapping[str, Any] | None = None) -> str:
        """Writes the file that serving opens, with the figures and `card` beside; returns its fingerprint."""
        return write_semantic_ids(
            file, self.assigning, self.products, self.codes, {**(card or {}), "figures": self.to_dict()}
        )


def built_ids(
    quantiser: ResidualQuantiser,
    products: Sequence[str],
    codes: Codes,
    *,
    encoder: str,
    shortening: Shortening | None = None,
) -> BuiltIds:
    """What becomes of products with these full codes (n, L). `encoder`: the fingerprint of whose vectors they are.

    Raises InvalidInput without a product, or for a code missing.
    """
    if len(products) != len(codes) or not len(codes):
        raise InvalidInput("There is one code per product, and at least one product.", field="codes")
    rule = shortening or Shortening()
    sizes = quantiser.sizes
    return BuiltIds(
        assigning=SemanticIds(quantiser=quantiser, shortening=rule, encoder=encoder),
        products=tuple(products),
        codes=codes,
        layers=tuple(layer_figures(counts) for counts in layer_counts(codes, sizes)),
        ids=id_figures(rule.shorten(codes, sizes), sizes),
    )
