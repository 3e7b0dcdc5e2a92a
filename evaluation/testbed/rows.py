"""Catalogue rows from the population, as a shop's export writes them: titles of mixed quality, gaps, variants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.testbed.draws import below, draws
from multirecall.evaluation.testbed.population import Population
from multirecall.evaluation.testbed.wording import Wording

__all__ = ["catalogue_rows", "product_id"]

CHUNK = 8192
_JOINTS = (", ",) * 14 + (" - ",) * 3 + (" | ",) * 2 + (" ",)
_DATES = [(date(2026, 6, 30) - timedelta(days=age)).isoformat() for age in range(90)]
_SITE = "https://shop.example.invalid"
_IMAGES = "https://images.example.invalid"


def product_id(ordinal: int) -> str:
    """The id of a product in every file of the test bed."""
    return f"P{ordinal:07d}"


def catalogue_rows(population: Population, wording: Wording) -> Iterator[dict[str, Any]]:
    """One dictionary per product, in order. Memory: one chunk of rows at a time."""
    for first in range(0, len(population), CHUNK):
        index = np.arange(first, min(first + CHUNK, len(population)), dtype=np.int64)
        yield from _chunk(population, wording, index)


def _chunk(population: Population, wording: Wording, index: NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    seed, world = population.seed, population.world
    groups = population.group[index]

    def drawn(name: str, n: int) -> list[int]:
        values: list[int] = below(draws(seed, name, index), n).tolist()
        return values

    columns = zip(
        index.tolist(),
        population.kind[index].tolist(),
        population.brand[index].tolist(),
        population.values[index].tolist(),
        groups.tolist(),
        population.device[index].tolist(),
        population.price_minor[index].tolist(),
        (index - population.group_start[groups]).tolist(),
        drawn("title", 1 << 30),
        drawn("title style", 200),
        drawn("sentences", 1 << 30),
        drawn("gaps", 1 << 30),
        drawn("stock", 260),
        drawn("age", 90 * 24 * 60),
        _sales(population, index),
        _eans(seed, index),
        strict=True,
    )
    series = below(draws(seed, "series", groups), 3).tolist()
    for (i, kind, brand, values, group, device, price, variant, t, style, s, gaps, stock, age, sales, ean), line in zip(
        columns, series, strict=True
    ):
        form = wording.forms[kind]
        maker = world.brands[brand]
        model = population.model(group)
        fits = population.device_name(device) if device >= 0 and device != group else ""
        names = form.family_series
        facts = {
            "brand": maker,
            "name": form.type.name,
            "model": model,
            "series": names[(brand * 7 + kind * 13 + line) % len(names)],
            "device": fits,
        }
        unit_form = t % 3
        for name, shown, value in zip(form.names, form.shown, values, strict=False):
            facts[name] = shown[value][unit_form]
        templates = form.fitting_titles if fits else form.titles
        title = templates[(t >> 4) % len(templates)].format_map(facts)
        row: dict[str, Any] = {
            "id": f"P{i:07d}",
            "sku": f"{maker[:3].upper()}-{form.code}{group:06d}-{variant + 1}",
            "ean": ean,
        }
        if model and gaps & 31:
            row["mpn"] = model
        row["title"] = _styled(title, maker, style, t >> 12, world.noise_before, world.noise_after)
        gap = gaps >> 5
        missing = [name for bit, name in enumerate(form.names) if (gap >> (4 * bit)) & 15 == 0]
        if missing or gaps % 29:  # a field that is left out is always stated in the description
            row["description"] = form.description(facts, values, s, fits)
        if (gaps >> 7) % 50:
            row["brand"] = maker
        row["category"] = form.category
        row["price"] = f"{price // 100}.{price % 100:02d}"
        row["currency"] = "EUR"
        row["stock"] = max(0, stock - 15)
        row["popularity"] = sales
        day, minute = divmod(age, 24 * 60)
        row["updated_at"] = f"{_DATES[day]}T{minute // 60:02d}:{minute % 60:02d}:00Z"
        row["url"] = f"{_SITE}/p/{i}"
        row["image"] = f"{_IMAGES}/{form.type.key}/{i}.jpg"
        for name, attribute_values, value in zip(form.names, form.values, values, strict=False):
            if name not in missing:
                row["attr_" + name] = attribute_values[value]
        if fits:
            row["attr_compatible_with"] = fits
        yield row


def _styled(title: str, maker: str, style: int, word: int, before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """The title with a seller's habits: separators, shouting, noise words."""
    title = title.replace(", ", _JOINTS[word % len(_JOINTS)])
    if style < 8:
        return f"{before[word % len(before)]} {title}"
    if style < 20:
        return f"{title} - {after[word % len(after)]}"
    if style < 26:
        return title.replace(maker, maker.upper())
    if style < 29:
        return title.lower()
    return title.upper() if style == 29 else title


def _sales(population: Population, index: NDArray[np.int64]) -> list[int]:
    """Units sold a month: 2 / (1.0005 - percentile), so a few products sell thousands and most sell a handful."""
    sales: list[int] = np.floor(2.0 / (1.0005 - population.popularity(index))).astype(np.int64).tolist()
    return sales


def _eans(seed: int, index: NDArray[np.int64]) -> list[str]:
    """EAN-13 numbers in the range kept for use inside a shop (prefix 2), with valid check digits, all different."""
    start = int(below(draws(seed, "ean", np.zeros(1, dtype=np.int64)), 1 << 30)[0])
    body = 200_000_000_000 + (index * 48_271 + start) % 100_000_000_000
    digits = body[:, None] // 10 ** np.arange(11, -1, -1, dtype=np.int64) % 10
    check = -(digits[:, ::2].sum(axis=1) + 3 * digits[:, 1::2].sum(axis=1)) % 10
    return [str(number) for number in (body * 10 + check).tolist()]
