"""The products as compact arrays: about 30 bytes each, texts are made later from these.

Products come in models ("groups"): the variants of one model share type, brand, part number and all attributes but
one. Part and accessory models are made for one model of their host type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.testbed.draws import below, draws, unit
from multirecall.evaluation.testbed.world import MAX_SLOTS, World

__all__ = ["Population", "draw_population", "part_number"]

_VARIANTS = np.array([1, 1, 1, 2, 2, 3, 3, 4, 5, 6], dtype=np.int64)
_CENTS = np.array([99, 99, 95, 0, 49, 90], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Population:
    """Arrays over products (`n`) and over models (`groups`). `device` is a model ordinal, -1 for "fits none".

    `values[i, s]` is the ordinal of the value in attribute slot s of the product's type. `model_prefix` is -1 for
    types without part numbers, else an ordinal of `prefixes`; `model_rank` counts within the prefix.
    """

    seed: int
    world: World
    kind: NDArray[np.uint8]
    brand: NDArray[np.uint8]
    values: NDArray[np.uint8]
    group: NDArray[np.int32]
    device: NDArray[np.int32]
    price_minor: NDArray[np.int32]
    group_brand: NDArray[np.uint8]
    group_start: NDArray[np.int32]
    model_prefix: NDArray[np.int16]
    model_rank: NDArray[np.int32]
    prefixes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kind)

    def popularity(self, products: NDArray[Any]) -> NDArray[np.float64]:
        """The popularity percentile of each product, in [0, 1)."""
        return unit(draws(self.seed, "popularity", products))

    def model(self, group: int) -> str:
        """The part number of a model, or "" where its type has none."""
        prefix = int(self.model_prefix[group])
        return part_number(self.prefixes[prefix], int(self.model_rank[group])) if prefix >= 0 else ""

    def device_name(self, group: int) -> str:
        """Maker and part number of a model, as accessories name it."""
        return f"{self.world.brands[self.group_brand[group]]} {self.model(group)}"


def part_number(pattern: str, rank: int) -> str:
    """The `rank`-th part number of a pattern such as `LJ-####`; every rank gives another one.

    Round numbers come first, as makers like them; when the digits are used up, letters are appended.
    """
    digits = pattern.count("#")
    prefix = pattern.rstrip("#")
    shift = sum(map(ord, prefix)) * 37  # so that the ranges of two makers do not begin with the same number
    if digits > 3:
        tens = 9 * 10 ** (digits - 2)  # steps of 10 within the range
        number = 10 ** (digits - 1) + ((rank * 611 + shift) % tens) * 10 + rank // tens % 10
        lap = rank // (tens * 10)
    else:
        span = 9 * 10 ** (digits - 1)
        number = 10 ** (digits - 1) + (rank * 611 + shift) % span
        lap = rank // span
    suffix = ""
    while lap:
        lap, letter = divmod(lap - 1, 26)
        suffix = chr(65 + letter) + suffix
    return f"{prefix}{number}{suffix}"


def draw_population(world: World, *, products: int, seed: int) -> Population:
    """The population of `products` products. Every type has at least one model where there is room for all."""
    types = world.types
    index = np.arange(products, dtype=np.int64)  # one model per product is the most there can be
    kind = _kinds(world, index, seed)
    most = np.array([len(t.attributes[t.vary].values) for t in types])
    sizes = np.minimum(_VARIANTS[below(draws(seed, "variants", index), len(_VARIANTS))], most[kind])
    ends = np.cumsum(sizes)
    groups = int(np.searchsorted(ends, products)) + 1
    sizes, kind, index = sizes[:groups], kind[:groups], index[:groups]
    start = (ends[:groups] - sizes).astype(np.int32)
    device = _devices(world, kind, index, seed)
    brand = _brands(world, kind, device, index, seed)
    prefix, rank, prefixes = _part_numbers(world, kind, brand)
    values = _values(world, kind, index, seed)

    member = np.repeat(np.arange(groups, dtype=np.int32), sizes)[:products]
    variant = np.arange(products, dtype=np.int64) - start[member]
    product_kind = kind[member]
    product_values = values[member]
    vary = np.array([t.vary for t in types])[product_kind]
    rows = np.arange(products)
    product_values[rows, vary] = (product_values[rows, vary] + variant) % most[product_kind]
    return Population(
        seed=seed,
        world=world,
        kind=product_kind,
        brand=brand[member],
        values=product_values,
        group=member,
        device=np.where(device[member] == -2, member, device[member]).astype(np.int32),
        price_minor=_prices(world, kind, index, seed, member, variant),
        group_brand=brand,
        group_start=start,
        model_prefix=prefix,
        model_rank=rank,
        prefixes=prefixes,
    )


def _kinds(world: World, index: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
    edges = np.cumsum([t.weight for t in world.types])
    kind = np.searchsorted(edges, below(draws(seed, "type", index), int(edges[-1])), side="right")
    first = index < len(world.types)
    kind[first] = index[first]
    return kind.astype(np.uint8)


def _devices(world: World, kind: NDArray[np.uint8], index: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Per model: the host model of a part, -2 (itself) for a host, -1 for all others."""
    device = np.full(len(kind), -1, dtype=np.int64)
    for t in world.types:
        if t.fits is None:
            continue
        hosts = np.flatnonzero(kind == world.by_key[t.fits].ordinal)
        parts = np.flatnonzero(kind == t.ordinal)
        if len(hosts):
            device[hosts] = -2
            device[parts] = hosts[below(draws(seed, "device", index[parts]), len(hosts))]
    return device


def _brands(
    world: World, kind: NDArray[np.uint8], device: NDArray[np.int64], index: NDArray[np.int64], seed: int
) -> NDArray[np.uint8]:
    counts = np.array([len(t.brands) for t in world.types])
    table = np.zeros((len(world.types), counts.max()), dtype=np.uint8)
    for t in world.types:
        table[t.ordinal, : len(t.brands)] = t.brands
    words = draws(seed, "brand", index)
    brand: NDArray[np.uint8] = table[kind, below(words, counts[kind])]
    original = (device >= 0) & (below(draws(seed, "original", index), 3) == 0)  # a third comes from the host's maker
    brand[original] = brand[device[original]]
    return brand


def _part_numbers(
    world: World, kind: NDArray[np.uint8], brand: NDArray[np.uint8]
) -> tuple[NDArray[np.int16], NDArray[np.int32], tuple[str, ...]]:
    prefixes: list[str] = []
    first = np.zeros(len(world.types), dtype=np.int64)
    count = np.zeros(len(world.types), dtype=np.int64)
    for t in world.types:
        first[t.ordinal], count[t.ordinal] = len(prefixes), len(t.models)
        prefixes.extend(t.models)
    has = count[kind] > 0
    prefix = np.where(has, first[kind] + brand % np.maximum(count[kind], 1), -1).astype(np.int16)
    order = np.argsort(prefix, kind="stable")
    ordered = prefix[order]
    rank = np.zeros(len(kind), dtype=np.int32)
    rank[order] = np.arange(len(kind)) - np.searchsorted(ordered, ordered, side="left")
    return prefix, rank, tuple(prefixes)


def _values(world: World, kind: NDArray[np.uint8], index: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
    counts = np.ones((len(world.types), MAX_SLOTS), dtype=np.int64)
    for t in world.types:
        counts[t.ordinal, : len(t.attributes)] = [len(a.values) for a in t.attributes]
    values = np.zeros((len(kind), MAX_SLOTS), dtype=np.uint8)
    for slot in range(MAX_SLOTS):
        n = counts[kind, slot]
        one = below(draws(seed, f"value-{slot}", index), n)
        other = below(draws(seed, f"value-{slot}-again", index), n)
        first = below(draws(seed, f"value-{slot}-lean", index), 2) == 0
        values[:, slot] = np.where(first, np.minimum(one, other), one)  # the first values are commoner
    return values


def _prices(
    world: World,
    kind: NDArray[np.uint8],
    index: NDArray[np.int64],
    seed: int,
    member: NDArray[np.int32],
    variant: NDArray[np.int64],
) -> NDArray[np.int32]:
    low = np.array([t.price[0] for t in world.types], dtype=np.float64)[kind]
    high = np.array([t.price[1] for t in world.types], dtype=np.float64)[kind]
    u = unit(draws(seed, "price", index))
    euros = np.floor(low + (high - low) * u * u)  # most products are in the lower part of the range
    charm = _CENTS[below(draws(seed, "cents", index), len(_CENTS))]
    euros = np.floor(euros[member] * (1.0 + 0.04 * variant))
    minor: NDArray[np.int32] = (euros.astype(np.int64) * 100 + charm[member]).astype(np.int32)
    return minor
