"""What is seen of a query, one feature at a time."""

from __future__ import annotations

import pytest

from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.segments import segmented
from multirecall.recall.query_shape import SHAPE, QueryShape
from multirecall.search.understand import understand

SEES = QueryShape(brands=frozenset({"hp", "western digital", "a b c"}))


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        ("black usb cable", "words", 3), ("black usb cable", "characters", 15), ("black usb cable", "plain_words", 3),
        ("usb cable 2m", "numbers", 1), ("usb cable 2m", "plain_words", 2), ("usb cable 2m", "part_number", 0),
        ("hp ce278a toner", "part_number", 1), ("hp ce278a toner", "known_brand", 1), ("ce278a", "long_codes", 1),
        ("HP, toner", "known_brand", 1), ("western digital disk", "known_brand", 1), ("digital disk", "known_brand", 0),
        ("disk from a b c", "known_brand", 1), ("", "known_brand", 0), ("", "words", 0),
        ("druckerpatrone schwarz für drucker", "foreign", 1), ("black printer ink", "foreign", 0),
        ("hp 504a", "foreign", 0),
        ("keep my phone dry", "sentence", 1), ("which printer is quiet", "sentence", 1), ("phone case", "sentence", 0),
    ],
)  # fmt: skip
def test_a_feature_of_a_query(text: str, feature: str, value: float) -> None:
    assert SEES(understand(text))[feature] == value
    assert SEES.value(feature, understand(text)) == value


def test_all_features_are_whole_numbers_from_0_in_the_order_of_the_list() -> None:
    for text in ("", "a", "!?", "é" * 500, '19" dell 2 port', "日本 カメラ", "1" * 40, " \t", "-- -- 3,5 m"):
        values = SEES(understand(text))
        assert list(values) == [feature.name for feature in SHAPE]
        assert all(value >= 0 and value == int(value) for value in values.values())


def test_it_sees_what_the_segments_of_an_evaluation_see() -> None:
    texts = ["lj 4250", "keep my phone dry", "usb c cable 2m", "welche drucker", "tinta negra para impresora"]
    queries = [JudgedQuery(qid=text, text=text) for text in texts]
    segments = segmented(queries, ("part_number", "phrasing"))
    for text in texts:
        values = SEES(understand(text))
        assert (text in segments["part_number"].get("with a part number", ())) == bool(values["part_number"])
        assert (text not in segments["phrasing"].get("keywords", ())) == bool(values["sentence"])
