"""The catalogues of the contract: a shop of a dozen products written by hand, and a crowd of like ones."""

from __future__ import annotations

import numpy as np

from multirecall.engines.base import Capabilities, IndexedProduct
from multirecall.engines.schema import Schema, VectorField
from tests.support.records import product, unit

__all__ = [
    "CROWD",
    "CROWD_WITH_VECTOR",
    "DIM",
    "NO_VECTOR",
    "QUERY_VECTOR",
    "contract_schema",
    "crowd_products",
    "shop_products",
]

DIM = 8

QUERY_VECTOR = unit(1, 0.5, 0, 0, 0, 0, 0, 0.25)

NO_VECTOR = "p12"
"""The one product of the shop without a vector."""

CROWD = 10_200
"""More than the 10,000 up to which servers count by default."""

CROWD_WITH_VECTOR = 1_200


def contract_schema(
    capabilities: Capabilities, *, index: str | None = None, dim: int = DIM, **schema: object
) -> Schema:
    """A schema with the vector field `dense`: `hnsw` where the engine has it and nothing else is asked for."""
    kinds = capabilities.vector_indexes
    kind = index or ("hnsw" if "hnsw" in kinds else kinds[0])
    field = VectorField(name="dense", dim=dim, encoder=f"hashing?dim={dim}", fingerprint="contract", index=kind)
    numeric = ("width", "screen.size")
    return Schema(**{"vectors": (field,), "numeric_attributes": numeric, **schema})  # type: ignore[arg-type]


def shop_products() -> list[IndexedProduct]:
    """Twelve products; the word "thing" is in every description, and all but `NO_VECTOR` have a vector."""
    vectors = np.random.default_rng(20).normal(size=(12, DIM))
    rows = [
        product(
            "p01", "LaserJet 4250 printer", brand="HP", category=("Office", "Printers"), price_minor=24999,
            currency="EUR", in_stock=True, popularity=12.5, updated_at=1_700_000_000.0,
            identifiers=("LJ-4250", "Q5400A"),
            attributes={"colour": "White", "width": 41.5, "duplex": True, "ports": ("USB-B", "Ethernet")},
        ),
        product(
            "p02", "Colour toner cartridge", brand="HP", category=("Office", "Toner"), price_minor=8950, currency="EUR",
            in_stock=True, popularity=3.0, updated_at=1_700_000_100.0, attributes={"colour": "Black", "width": 12},
        ),
        product(
            "p03", "Café espresso machine", brand="Société Générale", category=("Kitchen", "Coffee"),
            price_minor=19900, currency="EUR", in_stock=False, popularity=7.0, updated_at=1_690_000_000.0,
            attributes={"colour": "Red", "width": 30},
        ),
        product(
            "p04", "Men's running shoes", brand="O'Neil & Søns", category=("Shoes",), price_minor=7999, currency="USD",
            in_stock=True, popularity=99.0, updated_at=1_710_000_000.0, attributes={"colour": "Blue", "size": "42"},
        ),
        product(
            "p05", "USB-C cable 2 m", brand='A "B" \\ C*', category=("Cables",), price_minor=999, currency="EUR",
            in_stock=True, popularity=0.0, attributes={"colour": "Black", "screen.size": 5.5},
        ),
        product(
            "p06", "Socket wrench 19 mm", brand="Bosch", category=("Tools", "Wrenches"), price_minor=1250,
            currency="EUR", in_stock=False, attributes={"formula": "a=b", "width": -3, "material": "Steel"},
        ),
        product(
            "p07", "Monitor", brand="hp", category=("Office", "Monitors"), price_minor=15000, currency="EUR",
            in_stock=True, popularity=4.0, attributes={"screen.size": 27, "ports": ("HDMI", "USB-C"), "duplex": False},
        ),
        product("p08", "Notebook", brand="Lenovo", category=("Office", "Notebooks"), price_minor=0, in_stock=True),
        product("p09", "Mystery box"),
        product("p10", "Mystery box", brand="Bosch", price_minor=1250, popularity=4.0),
        product("p11", "Printer paper", brand="Bosch", category=("Office",), price_minor=1250, currency="EUR"),
        product("p12", "Gift card", brand="Lenovo", price_minor=5000, currency="USD", in_stock=True),
    ]  # fmt: skip
    return [
        IndexedProduct(
            id=row.id,
            fields={**row.fields, "description": "A thing to buy."},
            vectors={} if row.id == NO_VECTOR else {"dense": unit(*vector)},
        )
        for row, vector in zip(rows, vectors, strict=True)
    ]


def crowd_products() -> list[IndexedProduct]:
    """`CROWD` small products that all say "gadget"; every hundredth has brand Rare, the first 1,200 have vectors."""
    vectors = np.random.default_rng(21).normal(size=(CROWD_WITH_VECTOR, DIM))
    return [
        product(
            f"c{n:05d}",
            "gadget",
            brand="Rare" if n % 100 == 7 else "Common",
            price_minor=n,
            in_stock=n % 2 == 0,
            vectors={"dense": unit(*vectors[n])} if n < CROWD_WITH_VECTOR else {},
        )
        for n in range(CROWD)
    ]
