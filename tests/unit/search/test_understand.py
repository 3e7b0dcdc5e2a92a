import pytest

from multirecall.core.errors import InvalidQuery
from multirecall.core.query import MAX_QUERY_CHARS
from multirecall.search.understand import understand


def test_spaces_typography_and_width_are_normalised_and_logged() -> None:
    query = understand("  ＨＰ\t“LaserJet”\u00a04250 ")
    assert query.text == 'HP "LaserJet" 4250'
    assert query.raw == "  ＨＰ\t“LaserJet”\u00a04250 "
    assert [r.by for r in query.rewrites] == ["clean"]


def test_a_clean_text_is_left_alone() -> None:
    query = understand("usb-c cable 2 m")
    assert query.text == query.raw
    assert query.rewrites == ()
    assert {"usbc", "2m"} <= set(query.codes)


@pytest.mark.parametrize("text", ["", " ", '"', "\\\\", "!!!", "😀😀", "\x00", "( )", "\ud800"])
def test_nothing_to_look_for_gives_an_empty_text(text: str) -> None:
    assert understand(text).text == ""


@pytest.mark.parametrize("text", ["AND OR (", "title:x", "a\x00b", "x\ud800y", "the of and", "打印机", "ß"])
def test_hostile_texts_become_plain_words(text: str) -> None:
    query = understand(text)
    assert query.text
    query.text.encode("utf-8")
    assert "\x00" not in query.text


def test_a_long_text_is_cut_at_a_space_and_says_so() -> None:
    query = understand("toner " * 2_000)
    assert len(query.text) <= MAX_QUERY_CHARS
    assert query.text.endswith("toner")
    assert "shorten" in [r.by for r in query.rewrites]
    assert len(understand("x" * 10_000).text) == MAX_QUERY_CHARS


@pytest.mark.parametrize("page", [{"size": 0}, {"offset": -1}, {"offset": 990, "size": 20}])
def test_pages_out_of_range_are_refused(page: dict[str, int]) -> None:
    with pytest.raises(InvalidQuery):
        understand("x", **page)  # type: ignore[arg-type]
