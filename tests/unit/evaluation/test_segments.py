from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.evaluation.segments import DERIVED, default_segments, segmented


def query(text: str, qid: str = "q", **columns: str) -> JudgedQuery:
    return JudgedQuery(qid=qid, text=text, columns=columns)


def value(family: str, text: str) -> str:
    return next(iter(segmented([query(text)], [family])[family]))


@pytest.mark.parametrize(
    ("text", "with_number"),
    [
        ("tn-2110", True),
        ("brother tn-2110 toner", True),
        ("lj 4250", True),
        ("5706998876665", True),
        ("rbc43", True),
        ("43667", True),
        ("usb cable 2m", False),
        ("2200va ups 230v", False),
        ("microsd 256gb", False),
        ("500 gb", False),
        ("1000 piece puzzle", False),
        ("windows 10", False),
        ("office 2016", False),
        ("", False),
    ],
)
def test_part_numbers_are_told_from_sizes(text: str, with_number: bool) -> None:
    assert value("part_number", text) == ("with a part number" if with_number else "without")


@pytest.mark.parametrize(
    ("text", "phrasing"),
    [
        ("how do i clean a printer", "question"),
        ("wie drucker reinigen", "question"),
        ("printer jams?", "question"),
        ("keep my phone dry", "need"),
        ("ups beeps and dies in seconds", "need"),
        ("the hobbit", "keywords"),
        ("what hifi", "keywords"),
        ("toner for hp laserjet p2015", "keywords"),
        ("", "keywords"),
    ],
)
def test_phrasing(text: str, phrasing: str) -> None:
    assert value("phrasing", text) == phrasing


def test_lengths_stand_in_order_and_hold_every_query_once() -> None:
    queries = [query(" ".join("x" * n), f"q{n}") for n in (7, 1, 4, 2, 3, 5)]
    assert segmented(queries, ["length"])["length"] == {
        "1 word": ("q1",),
        "2 words": ("q2",),
        "3-4 words": ("q4", "q3"),
        "5 words or more": ("q7", "q5"),
    }


def test_columns_are_segments_by_name_and_win_over_what_is_guessed() -> None:
    queries = [query("ups", "q1", language="pl", cls="b"), query("usv mit akku", "q2", language=" ", cls="a")]
    found = segmented(queries, ["cls", "language"])
    assert found == {"cls": {"a": ("q2",), "b": ("q1",)}, "language": {"(not given)": ("q2",), "pl": ("q1",)}}


def test_head_torso_and_tail_by_the_share_of_all_searches() -> None:
    counts = {"a": 40, "b": 20, "c": 10, "d": 10, "e": 10, "f": 10}  # 100 in all; the last four are alike
    queries = [query("x", qid, searches=str(n)) for qid, n in counts.items()]
    assert segmented(queries, ["frequency"])["frequency"] == {"head": ("a", "b"), "torso": ("c", "d", "e", "f")}
    more = [*queries, *(query("x", f"t{at}", searches="1") for at in range(25))]
    assert len(segmented(more, ["frequency"])["frequency"]["tail"]) == 25
    none = segmented([query("x", "q1", count="0")], ["frequency"])
    assert none == {"frequency": {"tail": ("q1",)}}
    with pytest.raises(InvalidInput, match="frequency of query 'q9' is 'often'"):
        segmented([query("x", "q9", frequency="often")], ["frequency"])


def test_unknown_segments_are_named_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="no segment 'brand'") as caught:
        segmented([query("x", cls="a")], ["brand"])
    assert "cls, language, length, part_number, phrasing" in caught.value.hint
    with pytest.raises(InvalidInput, match="no segment 'frequency'"):
        segmented([query("x")], ["frequency"])


def test_defaults_are_what_the_file_has() -> None:
    assert default_segments([query("x")]) == tuple(DERIVED)
    assert default_segments([query("x", **{"class": "a", "volume": "3"})]) == ("class", "frequency", *DERIVED)


@pytest.mark.data
def test_on_the_icecat_queries_what_is_seen_agrees_with_the_classes(icecat_dir: Path) -> None:
    found = segmented(read_queries(icecat_dir / "queries.tsv"), ["class", "part_number", "phrasing"])
    classes = {name: set(qids) for name, qids in found["class"].items()}
    numbers, needs = set(found["part_number"]["with a part number"]), set(found["phrasing"]["need"])
    assert len(numbers & classes["model"]) >= 0.9 * len(classes["model"])
    assert not numbers & (classes["head"] | classes["torso"] | classes["synonym"] | classes["foreign"])
    assert len(needs & classes["knowledge"]) >= 0.75 * len(classes["knowledge"])
    assert len(needs - classes["knowledge"]) <= 0.1 * len(needs)
