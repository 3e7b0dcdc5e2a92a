from __future__ import annotations

import re
import tomllib
from collections import Counter

import numpy as np
import pytest

from multirecall.evaluation.testbed.population import draw_population, part_number
from multirecall.evaluation.testbed.rows import catalogue_rows
from multirecall.evaluation.testbed.wording import in_sentence, prepare_wording, titled
from multirecall.evaluation.testbed.world import World, load_world
from tests.unit.evaluation.testbed.bed import Bed


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


def test_world_is_a_general_shop(world: World) -> None:
    assert len({t.family.name for t in world.types}) >= 8
    assert len(world.types) >= 60
    assert sum(1 for t in world.types if t.fits) >= 10


def test_identifiers_are_unique_and_check_digits_valid(bed: Bed) -> None:
    for field in ("id", "sku", "ean"):
        values = [row[field] for row in bed.catalogue]
        assert len(set(values)) == len(values)
    for row in bed.catalogue:
        digits = [int(d) for d in row["ean"]]
        assert len(digits) == 13
        assert digits[0] == 2, "the range for use inside a shop"
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_rows_have_the_form_of_an_export(bed: Bed) -> None:
    for row in bed.catalogue:
        assert re.fullmatch(r"\d+\.\d\d", row["price"])
        assert row["currency"] == "EUR"
        assert row["category"].count(" > ") == 2
        assert row["stock"] >= 0
        assert row["popularity"] > 0
        assert re.fullmatch(r"2026-0[3-6]-\d\dT\d\d:\d\d:00Z", row["updated_at"])
        assert row["image"].startswith("https://images.example.invalid/")
        assert "{" not in row["title"]
        assert "  " not in row["title"]
        assert row["title"] == row["title"].strip()


def test_descriptions_have_20_to_60_words_and_some_are_missing(bed: Bed) -> None:
    texts = [row["description"] for row in bed.catalogue if "description" in row]
    assert 0.95 * len(bed.catalogue) < len(texts) < len(bed.catalogue)
    words = [len(text.split()) for text in texts]
    assert min(words) >= 18
    assert max(words) <= 65
    assert 25 < np.mean(words) < 50


def test_titles_vary_in_quality(bed: Bed) -> None:
    titles = [row["title"] for row in bed.catalogue]
    noisy = [t for t in titles if re.search(r"\b(NEW|SALE|Free Delivery|Top Quality|OEM|Gift Idea)\b", t)]
    assert 0.02 < len(noisy) / len(titles) < 0.2
    assert any(t.islower() for t in titles)
    starts = Counter(row["title"].startswith(row.get("brand", "?")) for row in bed.catalogue)
    assert starts[False] > 0.1 * len(titles), "makers do not always come first"


def test_variants_of_a_model_differ_in_one_attribute(bed: Bed) -> None:
    models: dict[str, list[dict[str, object]]] = {}
    for row in bed.catalogue:
        models.setdefault(row["sku"].rsplit("-", 1)[0], []).append(row)
    several = [rows for rows in models.values() if len(rows) > 1]
    assert sum(len(rows) for rows in several) > len(bed.catalogue) / 4
    for rows in several:
        shared = set.intersection(*({k for k in row if k.startswith("attr_")} for row in rows))
        differing = [name for name in shared if len({row[name] for row in rows}) > 1]
        assert len(differing) <= 1


def test_popularity_is_skewed(bed: Bed) -> None:
    sales = np.sort([row["popularity"] for row in bed.catalogue])[::-1]
    assert sales[: len(sales) // 10].sum() > 0.4 * sales.sum()


def test_mapping_names_fields_of_the_catalogue(bed: Bed) -> None:
    mapping = tomllib.loads((bed.report.out / "multirecall.toml").read_text(encoding="utf-8"))["mapping"]
    fields = {field for row in bed.catalogue for field in row}
    named = {mapping[role] for role in ("id", "title", "description", "brand", "image_url", "url", "in_stock")}
    named |= {mapping["price"]["field"], mapping["price"]["currency_field"], mapping["category"]["field"]}
    named |= {*mapping["identifiers"], mapping["popularity"], mapping["updated_at"]}
    assert named <= fields
    rest = fields - named
    assert all(field.startswith(mapping["attributes"]["prefixes"][0]) for field in rest)


def test_every_type_has_products_when_there_is_room(world: World) -> None:
    population = draw_population(world, products=1000, seed=3)
    assert len(np.unique(population.kind)) == len(world.types)


def test_parts_carry_the_device_they_fit_in_their_title(world: World) -> None:
    population = draw_population(world, products=3000, seed=3)
    rows = list(catalogue_rows(population, prepare_wording(world)))
    parts = [row for row in rows if "attr_compatible_with" in row]
    assert len(parts) > 150
    squeeze = re.compile(r"[^a-z0-9]")
    for row in parts:
        assert squeeze.sub("", row["attr_compatible_with"].lower()) in squeeze.sub("", row["title"].lower())


@pytest.mark.parametrize("pattern", ["LJ-####", "VX###", "S##"])
def test_part_numbers_never_repeat(pattern: str) -> None:
    numbers = [part_number(pattern, rank) for rank in range(30_000)]
    assert len(set(numbers)) == len(numbers)
    digits = pattern.count("#")
    assert all(re.fullmatch(re.escape(pattern.rstrip("#")) + rf"[1-9]\d{{{digits - 1}}}[A-Z]*", n) for n in numbers)


def test_part_numbers_of_a_population_are_unique_per_model(world: World) -> None:
    population = draw_population(world, products=20_000, seed=3)
    models = [population.model(g) for g in range(len(population.group_start))]
    models = [model for model in models if model]
    assert len(set(models)) == len(models) > 2000


@pytest.mark.parametrize(
    ("value", "shown"),
    [("stainless steel", "Stainless Steel"), ("USB-C", "USB-C"), ("19 mm", "19 mm"), ("bean to cup", "Bean to Cup")],
)
def test_titled(value: str, shown: str) -> None:
    assert titled(value) == shown


def test_in_sentence_keeps_acronyms() -> None:
    assert in_sentence("HDMI Cable") == "HDMI cable"
    assert in_sentence("WiFi Router") == "WiFi router"
    assert in_sentence("T-Shirt") == "t-shirt"
