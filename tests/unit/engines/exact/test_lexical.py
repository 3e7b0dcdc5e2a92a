"""The reference score against its formula, worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.engines.base import FieldBoosts, IndexedProduct, Text
from multirecall.engines.exact.lexical import edit_distance, lexical_scores
from multirecall.engines.exact.snapshot import Snapshot, StoredProduct
from multirecall.engines.schema import Schema
from multirecall.engines.scoring import K1, PLAIN_CODE_SHARE, TIE_BREAKER, B, code_share
from multirecall.engines.versions import Versions

SCHEMA = Schema(language="none")
EVEN = FieldBoosts(title=1, brand=1, category=1, description=1, attributes_text=1, codes=1)


def snapshot(*records: dict[str, object]) -> Snapshot:
    rows = (IndexedProduct(id=f"{n}", fields=record) for n, record in enumerate(records))
    return Snapshot((StoredProduct.analysed(row, row.fields, Versions(), SCHEMA) for row in rows), SCHEMA)


def idf(n: int, holding: int) -> float:
    return math.log(1 + (n - holding + 0.5) / (holding + 0.5))


def tf(count: int, length: int, mean: float) -> float:
    return count / (count + K1 * (1 - B + B * length / mean))


def test_one_field_is_bm25() -> None:
    shop = snapshot({"title": "lamp"}, {"title": "lamp lamp desk chair"}, {"title": "desk"})
    matches, scores = lexical_scores(Text(text="LAMP", boosts=FieldBoosts(title=2)), shop)
    assert matches.tolist() == [True, True, False]
    assert scores == pytest.approx([2 * idf(3, 2) * tf(1, 1, 2), 2 * idf(3, 2) * tf(2, 4, 2), 0])


def test_a_word_takes_the_idf_of_its_commonest_field_and_its_best_field_counts() -> None:
    shop = snapshot({"title": "lamp", "brand": "lamp co"}, {"title": "lamp"}, {"title": "desk", "brand": "co"})
    _, scores = lexical_scores(Text(text="lamp", boosts=EVEN), shop)
    title, brand = idf(3, 2) * tf(1, 1, 1), idf(3, 2) * tf(1, 2, 1.5)
    assert scores == pytest.approx([title + TIE_BREAKER * brand, title, 0])


def test_words_add_up_and_repeated_ones_count_once() -> None:
    shop = snapshot({"title": "lamp desk"}, {"title": "lamp"})
    _, once = lexical_scores(Text(text="lamp desk"), shop)
    _, twice = lexical_scores(Text(text="lamp desk lamp"), shop)
    _, lamp = lexical_scores(Text(text="lamp"), shop)
    _, desk = lexical_scores(Text(text="desk"), shop)
    assert once == pytest.approx(lamp + desk)
    assert twice == pytest.approx(once)


def test_codes_count_without_length_and_plain_ones_less() -> None:
    shop = snapshot({"title": "a", "codes": ["lj4250", "x1"]}, {"title": "b", "codes": ["usbc"] * 4}, {"title": "c"})
    matches, scores = lexical_scores(Text(text="", codes=("lj4250", "usbc"), boosts=FieldBoosts(codes=3)), shop)
    length = 1 + K1 * (1 - B + B / 3)
    assert matches.tolist() == [True, True, False]
    assert scores == pytest.approx([3 * idf(3, 1) / length, 3 * PLAIN_CODE_SHARE * idf(3, 1) / length, 0])
    assert (code_share("19mm"), code_share("usbc")) == (1.0, PLAIN_CODE_SHARE)


def test_a_code_spelt_like_a_word_counts_with_it() -> None:
    shop = snapshot({"title": "x200", "codes": ["x200"]}, {"title": "y"})
    _, word = lexical_scores(Text(text="x200"), shop)
    _, code = lexical_scores(Text(text="", codes=("x200",)), shop)
    _, both = lexical_scores(Text(text="X200", codes=("x200",)), shop)
    assert both[0] == pytest.approx(max(word[0], code[0]) + TIE_BREAKER * min(word[0], code[0]))


def test_a_variant_scores_by_its_distance_and_never_by_its_rarity() -> None:
    shop = snapshot(*({"title": "printer"} for _ in range(5)), {"title": "prunter"})
    _, scores = lexical_scores(Text(text="printer", fuzzy=True), shop)
    assert scores[5] == pytest.approx(scores[0] * (1 - 1 / 7))


@pytest.mark.parametrize(
    ("a", "b", "limit", "distance"),
    [
        ("", "", 2, 0), ("lamp", "lamp", 1, 0), ("lamp", "lapm", 1, 1), ("lamp", "lmap", 2, 1), ("lamp", "lam", 1, 1),
        ("lamp", "clamps", 2, 2), ("lamp", "desk", 2, 3), ("ca", "abc", 3, 3), ("kitten", "sitting", 3, 3),
        ("kitten", "sitting", 2, 3),
    ],
)  # fmt: skip
def test_edit_distance_counts_swaps_once_and_stops_at_the_limit(a: str, b: str, limit: int, distance: int) -> None:
    assert edit_distance(a, b, limit) == distance


def _by_recursion(a: str, b: str) -> int:
    """Optimal string alignment, straight from its definition."""
    if not a or not b:
        return len(a) + len(b)
    costs = [_by_recursion(a[1:], b) + 1, _by_recursion(a, b[1:]) + 1, _by_recursion(a[1:], b[1:]) + (a[0] != b[0])]
    if len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0]:
        costs.append(_by_recursion(a[2:], b[2:]) + 1)
    return min(costs)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 3))
def test_edit_distance_agrees_with_the_definition(a: str, b: str, limit: int) -> None:
    assert edit_distance(a, b, limit) == min(_by_recursion(a, b), limit + 1)
