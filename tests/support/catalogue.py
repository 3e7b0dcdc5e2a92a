"""Seeded catalogues: made-up products with the shape of real ones, for comparing engines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from multirecall.engines.base import Float32Array, IndexedProduct
from tests.support.records import product, unit

__all__ = ["COLOURS", "DIM", "PORTS", "Catalogue", "make_catalogue"]

DIM = 64

COLOURS = ("Black", "White", "Red", "Blue", "Green", "Rosé", "Space Grey", "Grün")
PORTS = ("USB-C", "HDMI", "Ethernet", "DisplayPort")
_ENGLISH = (
    "printer", "printers", "printing", "cartridge", "cartridges", "toner", "laser", "battery", "batteries", "charger",
    "charging", "cable", "cables", "monitor", "screens", "display", "keyboard", "keyboards", "mouse", "wireless",
    "running", "shoes", "shoe", "boots", "leather", "men's", "women's", "kids", "café", "espresso", "machine",
    "machines", "coffee", "grinder", "tools", "wrench", "drilling", "cordless", "quiet", "silently", "generously",
)  # fmt: skip
_SYLLABLES = [c + v for c in "bdfgklmnprtvz" for v in "aou"]
_WORDS = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Products and what they are made of. `words` falls in frequency (Zipf); `directions` is each word's vector."""

    seed: int
    products: tuple[IndexedProduct, ...]
    words: tuple[str, ...]
    brands: tuple[str, ...]
    directions: Float32Array

    def query(self, rng: Generator) -> str:
        """What somebody who has seen one of the products may type: words of its title, or its brand and a word."""
        fields = self.products[rng.integers(len(self.products))].fields
        words = fields["title"].split()
        picked = list(rng.permutation(words)[: rng.integers(1, 5)])
        if fields.get("brand") and rng.random() < 0.3:
            picked.insert(0, fields["brand"])
        return " ".join(picked)

    def vector(self, rng: Generator) -> Float32Array:
        """The direction of a few words. Shape (DIM,), float32, length 1."""
        return unit(*self.directions[_zipf(rng, len(self.words), 3)].sum(axis=0))


def make_catalogue(seed: int, size: int) -> Catalogue:
    """The same products for the same seed and size.

    Words, brands and categories follow Zipf's law; a vector is the sum of the directions of the title's words, with
    noise. Every field but the title is missing here and there, and one product in 25 has no vector.
    """
    rng = np.random.default_rng(seed)
    made_up = dict.fromkeys("".join(rng.choice(_SYLLABLES, rng.integers(2, 4))) + "k" for _ in range(2 * _WORDS))
    words = tuple(rng.permutation([*list(made_up)[: _WORDS - len(_ENGLISH)], *_ENGLISH]).tolist())
    endings = [" AG", "", " & Co", ""] * 20
    brands = tuple(f"{word.capitalize()}{end}" for word, end in zip(words[::20], endings, strict=False))
    directions = rng.normal(size=(len(words), DIM)).astype(np.float32)
    products = tuple(_product(n, rng, words, brands, directions) for n in range(size))
    return Catalogue(seed=seed, products=products, words=words, brands=brands, directions=directions)


def _product(
    n: int, rng: Generator, words: tuple[str, ...], brands: tuple[str, ...], directions: Float32Array
) -> IndexedProduct:
    in_title = _zipf(rng, len(words), int(rng.integers(2, 7)))
    title = " ".join(words[i] for i in in_title)
    if rng.random() < 0.2:
        title += f" {rng.integers(1, 60)} mm"
    description = " ".join(words[i] for i in _zipf(rng, len(words), int(rng.integers(0, 50))))
    department = int(_zipf(rng, 6, 1)[0])
    aisle = int(_zipf(rng, 5, 1)[0])
    attributes: dict[str, str | float | bool | tuple[str, ...]] = {}
    if rng.random() < 0.7:
        attributes["colour"] = str(rng.choice(COLOURS))
    if rng.random() < 0.6:
        attributes["width"] = float(np.round(rng.normal(30, 15), 1))
    if rng.random() < 0.5:
        attributes["wireless"] = bool(rng.random() < 0.5)
    if rng.random() < 0.3:
        attributes["ports"] = tuple(rng.permutation(PORTS)[: rng.integers(1, 4)].tolist())
    fields: dict[str, object] = {}
    if rng.random() < 0.9:
        fields["brand"] = brands[_zipf(rng, len(brands), 1)[0]]
    if rng.random() < 0.95:
        fields |= {"price_minor": int(rng.lognormal(8, 1.2)), "currency": "EUR" if rng.random() < 0.8 else "USD"}
    if rng.random() < 0.8:
        fields["in_stock"] = bool(rng.random() < 0.7)
    if rng.random() < 0.7:
        fields["popularity"] = float(rng.integers(0, 50)) / 2
    if rng.random() < 0.5:
        fields["updated_at"] = 1.7e9 + float(rng.integers(0, 10**7))
    vectors = {}
    if rng.random() > 0.04:
        noisy = directions[in_title].sum(axis=0) + rng.normal(scale=0.5, size=DIM)
        vectors["dense"] = unit(*noisy)
    return product(
        f"p{n:05d}",
        title,
        description=description,
        category=(f"Department {department}", f"Aisle {department}.{aisle}") if rng.random() < 0.9 else (),
        attributes=attributes,
        identifiers=(f"{''.join(rng.choice(list('ABCXYZ'), 2))}-{rng.integers(1000, 9999)}",),
        vectors=vectors,
        **fields,
    )


def _zipf(rng: Generator, n: int, size: int) -> np.ndarray:
    """`size` ranks below n, the first by far the most frequent. Shape (size,), int64."""
    weights = 1.0 / np.arange(2, n + 2)
    return rng.choice(n, size=size, p=weights / weights.sum())
