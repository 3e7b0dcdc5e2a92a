from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from multirecall.engines.base import EngineResult, FieldBoosts, Text
from multirecall.engines.embedded import EmbeddedEngine
from multirecall.engines.scoring import K1, TIE_BREAKER, B
from tests.unit.engines.embedded.making import make_engine, product, put, search

TITLES = ("black laser printer", "laser toner for printers", "red lamp", "office lamp black", "printing paper")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    with make_engine(tmp_path_factory.mktemp("texts")) as engine:
        put(engine, [product(str(n), title=title, brand="HP") for n, title in enumerate(TITLES)])
        yield engine


def _bm25(n: int, df: int, boost: float, length: float = 1, mean_length: float = 1) -> float:
    """One occurrence, with the factor 1 + K1 that tantivy has in it."""
    idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
    return (1 + K1) * boost * idf / (1 + K1 * (1 - B + B * length / mean_length))


def _ids(result: EngineResult) -> set[str]:
    return {hit.id for hit in result.hits}


def test_scores_follow_the_definition(engine: EmbeddedEngine) -> None:
    n, mean = len(TITLES), sum(len(title.split()) for title in TITLES) / len(TITLES)
    [first, second] = search(engine, Text(text="lamps", boosts=FieldBoosts(title=2.0))).hits
    assert [first.id, second.id] == ["2", "3"]
    assert first.score == pytest.approx(_bm25(n, 2, 2.0, 2, mean), rel=1e-5)
    assert second.score == pytest.approx(_bm25(n, 2, 2.0, 3, mean), rel=1e-5)


def test_a_word_weighs_the_same_in_every_field(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product("both", title="hp", brand="HP"), *(product(f"p{n}", brand="HP") for n in range(3))])
        top = search(engine, Text(text="hp", boosts=FieldBoosts(title=2.0, brand=3.0))).hits[0]
        in_title, in_brand = _bm25(4, 4, 2.0), _bm25(4, 4, 3.0)  # as rare as in `brand`, where all four have it
        assert top.id == "both"
        assert top.score == pytest.approx(in_brand + TIE_BREAKER * in_title, rel=1e-5)


@pytest.mark.parametrize(("min_match", "needed"), [(0.0, 1), (0.3, 2), (0.5, 3), (0.51, 4), (1.0, 6)])
def test_min_match_counts_words_found_in_some_field(engine: EmbeddedEngine, min_match: float, needed: int) -> None:
    result = search(engine, Text(text="black laser lamp unknown printer zzz", min_match=min_match))
    found = {"0": 3, "1": 2, "2": 1, "3": 2, "4": 0}
    assert _ids(result) == {name for name, count in found.items() if count >= needed}
    assert result.total == len(result.hits)


@pytest.mark.parametrize("min_match", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("text", ["black", "black printer", "lazer printer", "black lamp zzz", ""])
@pytest.mark.parametrize("fuzzy", [True, False])
def test_a_count_alone_is_the_total_of_the_hits(tmp_path: Path, min_match: float, text: str, fuzzy: bool) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product(str(n), title=title, codes=[f"x{n}"]) for n, title in enumerate(TITLES)])
        for codes in ((), ("x4",), ("x1", "black")):
            clause = Text(text=text, codes=codes, min_match=min_match, fuzzy=fuzzy)
            counted, found = search(engine, clause, k=0), search(engine, clause, k=10)
            assert counted.hits == ()
            assert counted.total == found.total == len(found.hits)


def test_a_code_is_found_beside_the_words(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(
            engine,
            [
                product("a", title="toner", codes=["lj4250"]),
                product("b", title="toner black big"),
                product("c", title="laser", codes=["lj4250", "x1", "x2"]),
            ],
        )
        result = search(engine, Text(text="toner black big", codes=("lj4250",), min_match=1.0))
        assert _ids(result) == {"a", "b", "c"}
        by_id = {h.id: h.score for h in result.hits}
        assert by_id["a"] > by_id["c"]  # found by its code, it still earns the word it has
        only_codes = search(engine, Text(text="", codes=("lj4250",))).hits
        assert len({h.score for h in only_codes}) == 1  # however many codes a product has
        assert search(engine, Text(text="", codes=("lj4250",), boosts=FieldBoosts(codes=0))).total == 0


def test_a_code_spelt_like_a_word_counts_with_it(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product("a", title="ups 1500", codes=["ups"]), product("b", title="lamp 1500")])
        word = search(engine, Text(text="ups")).hits[0].score
        both = search(engine, Text(text="ups", codes=("ups",))).hits[0].score
        assert word < both < word * 1.5


def test_near_words_are_found_and_score_less(engine: EmbeddedEngine) -> None:
    exact = search(engine, Text(text="laser")).hits
    assert search(engine, Text(text="lazer")).total == 0
    near = search(engine, Text(text="lazer", fuzzy=True)).hits
    assert [h.id for h in near] == [h.id for h in exact]
    assert all(n.score < e.score for n, e in zip(near, exact, strict=True))
    assert search(engine, Text(text="kaser", fuzzy=True)).total == 0  # the first letter is fixed


@pytest.mark.parametrize(
    "text",
    ['"', "AND OR (", "title:", "\\", "*", "a" * 10_000, "a b " * 5_000, "🧪", "\x00", "\ud800", "日本語", "'s", " ",
     "", "-lamp", "[1 TO 2]", "lamp\ud800"],
)  # fmt: skip
@pytest.mark.parametrize("fuzzy", [False, True])
def test_no_text_is_an_operator_or_an_error(engine: EmbeddedEngine, text: str, fuzzy: bool) -> None:
    for min_match in (0.0, 0.7, 1.0):
        clause = Text(text=text, codes=(text, "\ud800", "lj1"), min_match=min_match, fuzzy=fuzzy)
        result = search(engine, clause)
        assert result.total == len(result.hits)
        if "lamp" in text:
            assert _ids(result) == {"2", "3"}


def test_fields_of_boost_zero_are_left_out(engine: EmbeddedEngine) -> None:
    nothing = FieldBoosts(title=0, brand=0, category=0, description=0, attributes_text=0, codes=0)
    assert search(engine, Text(text="lamp hp", boosts=nothing)).total == 0
    assert search(engine, Text(text="lamp hp", boosts=FieldBoosts(title=0))).total == 5
    assert search(engine, Text(text="lamp", boosts=FieldBoosts(title=0))).total == 0
