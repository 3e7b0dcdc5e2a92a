from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.engines.base import FieldBoosts, Text
from multirecall.engines.scoring import MAX_WORDS, PLAIN_CODE_SHARE
from multirecall.engines.servers.text import FUZZY_SHARE, text_query
from multirecall.engines.servers.transport import dumps


def values_of(node: Any, key: str) -> list[Any]:
    """Every value under `key`, however deep."""
    found = []
    if isinstance(node, dict):
        for name, value in node.items():
            found += [value] if name == key else []
            found += values_of(value, key)
    elif isinstance(node, list):
        for value in node:
            found += values_of(value, key)
    return found


def n_clauses(node: Any, n_fields: int = 5) -> int:
    """Clauses as Lucene counts them after rewriting: a word counts once per field, a near word per variant."""
    spread = sum(len(multi["fields"]) for multi in values_of(node, "multi_match"))
    near = sum(next(iter(match.values()))["max_expansions"] for match in values_of(node, "match"))
    return spread + near + len(values_of(node, "term"))


@given(
    text=st.text(max_size=400),
    codes=st.lists(st.text(max_size=20), max_size=80),
    fuzzy=st.booleans(),
    min_match=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_query_that_servers_accept(text: str, codes: list[str], fuzzy: bool, min_match: float) -> None:
    clause = Text(text=text, codes=tuple(codes), fuzzy=fuzzy, min_match=min_match)
    query = text_query(clause, "english")
    dumps(query)
    assert "query_string" not in json.dumps(query)
    assert n_clauses(query) <= 1024


def test_a_thousand_characters_stay_below_the_clause_limit_with_typos_allowed() -> None:
    text = " ".join(f"w{n}" for n in range(300))
    for min_match in (0.0, 0.5):
        clause = Text(text=text, codes=tuple(f"c{n}" for n in range(300)), fuzzy=True, min_match=min_match)
        query = text_query(clause, "english")
        assert len(values_of(query["bool"]["should"], "multi_match")) == MAX_WORDS
        assert n_clauses(query) <= 1024


@pytest.mark.parametrize("text", ["", "   ", "?!", '"', "\ud800"])
def test_no_word_and_no_code_match_nothing(text: str) -> None:
    assert text_query(Text(text=text), "english") == {"match_none": {}}


def test_words_of_one_stem_are_one_word() -> None:
    assert [m["query"] for m in values_of(text_query(Text(text="toner toners Toner"), "english"), "multi_match")] == [
        "toner"
    ]
    assert len(values_of(text_query(Text(text="toner toners"), "none"), "multi_match")) == 2


def test_a_boost_of_zero_leaves_the_field_out() -> None:
    query = text_query(Text(text="lamp", codes=("lamp",), boosts=FieldBoosts(brand=0, codes=0)), "english")
    assert not any(name.startswith("brand") for name in values_of(query, "fields")[0])
    assert values_of(query, "term") == []


def test_all_boosts_zero_match_nothing() -> None:
    nothing = FieldBoosts(title=0, brand=0, category=0, description=0, attributes_text=0, codes=0)
    assert text_query(Text(text="lamp", codes=("lamp",), boosts=nothing), "english") == {"match_none": {}}


def test_a_code_spelt_like_a_word_counts_with_it_and_the_others_beside() -> None:
    query = text_query(Text(text="toner 4250", codes=("4250", "lj4250")), "english")
    _, word, code = query["bool"]["should"]
    assert [*word] == ["dis_max"]
    assert values_of(word, "term") == [{"codes": {"value": "4250", "boost": FieldBoosts().codes}}]
    assert code == {"term": {"codes": {"value": "lj4250", "boost": FieldBoosts().codes}}}


def test_a_code_without_a_digit_counts_less() -> None:
    query = text_query(Text(text="", codes=("usbc",)), "english")
    assert values_of(query, "boost") == [FieldBoosts().codes * PLAIN_CODE_SHARE]


@pytest.mark.parametrize(("min_match", "needed"), [(0.34, 2), (0.5, 2), (0.75, 3), (1.0, 3)])
def test_min_match_is_rounded_up(min_match: float, needed: int) -> None:
    query = text_query(Text(text="one two three", min_match=min_match), "english")
    assert query["bool"]["minimum_should_match"] == needed
    query = text_query(Text(text="one two three", codes=("x1",), min_match=min_match), "english")
    assert query["bool"]["filter"][0]["bool"]["should"][0]["bool"]["minimum_should_match"] == needed


@pytest.mark.parametrize("min_match", [0.0, 0.2, 1 / 3])
def test_one_word_is_enough_for_a_small_min_match(min_match: float) -> None:
    query = text_query(Text(text="one two three", codes=("x1",), min_match=min_match), "english")
    assert query["bool"]["minimum_should_match"] == 1
    assert "filter" not in query["bool"]


def test_a_code_is_enough_whatever_min_match_says() -> None:
    query = text_query(Text(text="one two", codes=("x1",), min_match=1.0), "english")
    selected = query["bool"]["filter"][0]["bool"]
    assert selected["minimum_should_match"] == 1
    assert {"term": {"codes": {"value": "x1", "boost": 1.0}}} in selected["should"]


def test_near_words_keep_the_first_letter_and_score_less() -> None:
    [match, *_] = values_of(text_query(Text(text="tonre", fuzzy=True), "english"), "match")
    assert match["title"]["prefix_length"] == 1
    assert match["title"]["boost"] == FieldBoosts().title * FUZZY_SHARE
