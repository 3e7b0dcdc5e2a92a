"""Product: the only noun for a thing in the catalogue. It has no score and no vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["AttributeValue", "Product"]

AttributeValue = str | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product as the indexer made it from a source row: texts are plain (no HTML, no control characters).

    Units: `price_minor` in the smallest unit of `currency` (cents); `updated_at` in seconds since 1970, UTC;
    `popularity` any number of 0 or more, higher is more popular. `version` orders writes of one id: a lower
    one never overwrites a higher one. `None` always means "the source does not say".
    """

    id: str
    title: str
    description: str = ""
    brand: str | None = None
    category_path: tuple[str, ...] = ()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    identifiers: tuple[str, ...] = ()  # manufacturer part numbers, EAN/GTIN, SKU
    price_minor: int | None = None
    currency: str | None = None
    in_stock: bool | None = None
    popularity: float | None = None
    updated_at: float | None = None
    version: int | None = None
    url: str | None = None
    image_url: str | None = None
