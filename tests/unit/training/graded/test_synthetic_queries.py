from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.core.match_text import MatchText
from multirecall.engines.analysis import terms
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.graded.synthetic_queries import (
    agreed,
    made_of_products,
    mixed,
    need_phrases,
    synthetic_groups,
)
from multirecall.training.tuning.queries import MadeQuery
from multirecall.training.tuning.sampling import SAMPLED_FIELDS, sample_catalogue
from tests.unit.training.graded.groups import group

ANALYSE = partial(terms, language="english")
KINDS = ("Desk lamp", "Office chair", "Garden hose")
BRANDS = ("Acme", "Oslo", "Kiro")
COLOURS = ("Black", "Red")


def _record(at: int) -> dict[str, Any]:
    kind, brand, colour = KINDS[at % 3], BRANDS[at // 3 % 3], COLOURS[at // 9 % 2]
    text = "Perfect for small offices. And it is cheap." if at % 4 == 0 else "Of wood."
    words = MatchText(
        title=tuple(ANALYSE(f"{brand} {kind} {at}")),
        brand=tuple(ANALYSE(brand)),
        other=tuple(dict.fromkeys(ANALYSE(f"{kind} {colour} {text}"))),
    )
    return {
        "id": f"p{at:02d}", "title": f"{brand} {kind} {at}", "brand": brand, "category_path": ["Home", kind],
        "attributes": {"colour": colour}, "identifiers": [], "description": text, "match_text": words.to_text(),
    }  # fmt: skip


RECORDS = [_record(at) for at in range(54)]
IDS = [record["id"] for record in RECORDS]


def _made(n: int = 6, seed: int = 1) -> list[MadeQuery]:
    sample = sample_catalogue(
        ({name: record[name] for name in ("id", *SAMPLED_FIELDS)} for record in RECORDS), size=54, seed=0
    )
    return made_of_products(sample.products, needs=dict(need_phrases(RECORDS)), n=n, seed=seed)


def test_what_a_description_says_it_is_for_is_found() -> None:
    said = {
        "a": "A lamp, ideal for home and the small office, with dimmer.",
        "b": "Designed to fit the HL-2700.",
        "c": "Great for 3D printing",
        "d": "Suitable for the",
        "e": None,
    }
    found = dict(need_phrases({"id": name, "description": text} for name, text in said.items()))
    assert found == {"a": "home and the small office", "b": "fit the hl"}


def test_queries_of_three_widths_say_what_the_product_says() -> None:
    made = _made()
    by_width = {width: [one.text for one in made if one.kind == width] for width in ("kind", "attribute", "need")}
    assert sorted(by_width["kind"]) == ["desk lamp", "garden hose", "office chair"]
    assert len(by_width["attribute"]) == 6
    assert all(text.split()[0] in ("acme", "oslo", "kiro", "black", "red") for text in by_width["attribute"])
    assert set(by_width["need"]) <= {f"{kind.lower()} for small offices" for kind in KINDS}
    assert made == _made()
    assert len({one.text for one in made}) == len(made)


def test_levels_follow_the_catalogue() -> None:
    by_id = {record["id"]: record for record in RECORDS}
    groups = synthetic_groups(RECORDS, _made(), IDS, ANALYSE, top=3, seed=2, per_level=5, taken=["Desk Lamp"])
    assert "desk lamp" not in [one.query for one in groups]
    assert {one.columns["template"] for one in groups} == {"kind", "attribute", "need"}
    for one in groups:
        kind = next(name for name in KINDS if name.lower() in one.query)
        asked = one.query.replace(kind.lower(), "").replace(" for", "").strip()
        for product, level in zip(one.products, one.grades, strict=True):
            record = by_id[product]
            of_kind = record["category_path"][-1] == kind
            has = asked in f"{record['brand']} {record['attributes']['colour']} {record['description']}".lower()
            assert level == (0 if not of_kind else 3 if has else 2)
        assert all(1 <= len(one.of_level(level)) <= 5 for level in one.levels)
        assert one.levels == ((3, 0) if one.columns["template"] == "kind" else (3, 2, 0))
    assert groups == synthetic_groups(
        iter(RECORDS), _made(), IDS, ANALYSE, top=3, seed=2, per_level=5, taken=["Desk Lamp"]
    )
    with pytest.raises(InvalidInput, match="a level between"):
        synthetic_groups(RECORDS, [], IDS, ANALYSE, top=1, seed=0)


class Teacher:
    """Takes products whose name ends in 0 for the best, all others for irrelevant; of p9 it knows nothing."""

    n_levels = 3
    fingerprint = "teacher"

    def grade(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        best, worst, unknown = (0.1, 0.1, 0.8), (0.9, 0.1, 0.0), (np.nan,) * 3
        rows = [unknown if name == "p9" else best if name.endswith("0") else worst for _, name in pairs]
        return np.array(rows)


def test_only_what_the_annotator_confirms_is_kept() -> None:
    first = GradedGroup(query="lamp", qid="a", products=("p0", "p10", "p1", "p2", "p9"), grades=(2, 1, 0, 2, 2))
    second = GradedGroup(query="desk", qid="b", products=("p3", "p4"), grades=(2, 0))
    (kept,) = agreed([second, first, second], Teacher())
    assert (kept.qid, kept.products, kept.grades, kept.weights) == ("a", ("p0", "p1"), (2, 0), (0.8, 0.9))


def test_made_groups_are_a_share_of_all_at_most() -> None:
    judged = [group(f"q{at}", f"query {at}") for at in range(30)]
    made = [group(f"m{at}", f"made {at}") for at in range(50)]
    both = mixed(judged, made, seed=0)
    assert both[:30] == judged
    assert len(both) == 40  # 10 of 40 are a quarter
    assert mixed(judged, made[:3], seed=0)[30:] == made[:3]
    assert mixed(judged, made, share=0.0, seed=0) == judged
    with pytest.raises(InvalidInput, match="below 1"):
        mixed(judged, made, share=1.0, seed=0)
