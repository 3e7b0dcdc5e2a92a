import pytest

from multirecall.core.errors import InvalidInput
from multirecall.encoders.texts import well_formed
from tests.support.tricky_texts import TRICKY_TEXTS


def test_lone_surrogates_are_replaced_and_pairs_joined() -> None:
    assert well_formed(["a\ud800b", "\udfff", "\ud83d\ude00"]) == ["a�b", "�", "\U0001f600"]


def test_other_texts_stay_as_they_are() -> None:
    texts = ["", "nul\0", "ß 漢字 \U0001f600", "﻿"]
    assert well_formed(texts) == texts


def test_every_tricky_text_can_be_written_as_utf8() -> None:
    for text in well_formed(TRICKY_TEXTS):
        text.encode("utf-8")


def test_a_single_text_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(InvalidInput, match="list of texts"):
        well_formed("laser")


@pytest.mark.parametrize("item", [None, 3, b"bytes", float("nan")])
def test_an_item_that_is_no_text_is_refused_by_position(item: object) -> None:
    with pytest.raises(InvalidInput, match="Text 1 is"):
        well_formed(["laser", item])  # type: ignore[list-item]
