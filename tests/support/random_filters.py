"""Random filters over a seeded catalogue: every kind, nested up to three deep."""

from __future__ import annotations

from numpy.random import Generator

from multirecall.core.filters import And, Exists, Filter, Not, Or, Range, Term, Terms
from tests.support.catalogue import COLOURS, PORTS, Catalogue

__all__ = ["random_filter"]


def random_filter(rng: Generator, catalogue: Catalogue, depth: int = 3) -> Filter:
    """A filter that may pass anything from no product to all of them."""
    kind = rng.random()
    if depth == 0 or kind < 0.45:
        return _leaf(rng, catalogue)
    if kind < 0.6:
        return Not(part=random_filter(rng, catalogue, depth - 1))
    parts = tuple(random_filter(rng, catalogue, depth - 1) for _ in range(rng.integers(0, 4)))
    return And(parts=parts) if kind < 0.8 else Or(parts=parts)


def _leaf(rng: Generator, catalogue: Catalogue) -> Filter:
    numbers = {
        "price_minor": lambda: int(rng.lognormal(8, 1.2)),
        "popularity": lambda: float(rng.integers(0, 50)) / 2,
        "updated_at": lambda: 1.7e9 + float(rng.integers(0, 10**7)),
        "attributes.width": lambda: float(rng.normal(30, 15)),
    }
    match int(rng.integers(0, 9)):
        case 0:
            return Term(field="brand", value=str(rng.choice(catalogue.brands[:12])))
        case 1:
            return Terms(field="brand", values=tuple(rng.choice([*catalogue.brands, "Nobody"], 6).tolist()))
        case 2:
            return Term(field="category", value=f"Department {rng.integers(0, 7)}")
        case 3:
            return Terms(field="attributes.colour", values=tuple(rng.choice(COLOURS, rng.integers(0, 4)).tolist()))
        case 4:
            return Term(field="attributes.ports", value=str(rng.choice(PORTS)))
        case 5:
            return Term(field=str(rng.choice(["in_stock", "attributes.wireless"])), value=bool(rng.random() < 0.5))
        case 6:
            return Exists(field=str(rng.choice(["brand", "popularity", "in_stock", "category", "attributes.width",
                                                "attributes.ports", "attributes.nothing"])))  # fmt: skip
        case 7:
            return Terms(field="id", values=tuple(f"p{n:05d}" for n in rng.integers(0, 3000, 40)))
        case _:
            field = str(rng.choice(list(numbers)))
            low, high = sorted([numbers[field](), numbers[field]()])
            return (Range(field=field, gte=low, lt=high), Range(field=field, gt=low), Range(field=field, lte=high))[
                int(rng.integers(0, 3))
            ]
