"""Concepts recognised in queries."""

from __future__ import annotations

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.recall.rewriters.knowing import Knowledge
from multirecall.recall.rewriters.knowledge import Concept, built_in_concepts
from multirecall.recall.rewriting import Rewriter

GLARE = Concept(key="glare", kind="question", say=("sun shines on my screen",), find=("anti-glare filter", "hood"))
LAPPY = Concept(key="lappy", kind="slang", say=("lappy",), find=("notebook",))
BUILT_IN = Knowledge(concepts=built_in_concepts())


def said(text: str, rewriter: Knowledge = BUILT_IN) -> tuple[Rewriting, ...]:
    return rewriter.rewrite(Query(raw=text, text=text), Deadline.never())


def test_every_wording_finds_its_concept() -> None:
    missed = []
    for concept in built_in_concepts():
        for text in concept.say:
            texts = [one.text for one in said(text)]
            if concept.find[0] not in texts:
                missed.append(text)
    assert missed == []


def test_best_first_with_falling_confidence_and_a_reason() -> None:
    rewriter = Knowledge(concepts=(GLARE, LAPPY))
    first, second = said("the sun shines on my screen", rewriter)
    assert (first.text, second.text) == GLARE.find
    assert first.confidence > second.confidence
    assert (first.by, first.log) == ("knowledge", ("question.glare (screen, shine, sun)",))


def test_other_words_and_forms_of_the_same_need() -> None:
    rewriter = Knowledge(concepts=(GLARE, LAPPY))
    whole = said("sun shines on my screen", rewriter)[0]
    near = said("display in bright sunshine, sun shining", rewriter)[0]
    assert near.text == whole.text
    assert near.confidence < whole.confidence


def test_one_common_word_is_enough_only_if_both_are_one_word() -> None:
    rewriter = Knowledge(concepts=(GLARE, LAPPY))
    assert [one.text for one in said("lappy", rewriter)] == ["notebook"]
    assert said("sun", rewriter) == ()
    assert said("lappy charger", rewriter) == ()


@pytest.mark.parametrize(
    ("text", "find"),
    [
        ("my notebook is getting way too hot", "notebook cooling pad"),
        ("connect macbook to old vga projector", "usb-c to hdmi adapter"),
        ("people next to me can see my screen on the train", "privacy filter notebook"),
        ("save work when the power fails", "uninterruptible power supply ups"),
        ("wifi does not reach the bedroom upstairs", "wifi range extender"),
    ],
)
def test_queries_in_nobody_s_exact_words(text: str, find: str) -> None:
    assert find in [one.text for one in said(text)]


@pytest.mark.parametrize(
    "text",
    [
        "hdmi cable 2m",
        "hp 301 black ink",
        "wireless mouse",
        "cat6 patch cable 5m blue",
        "laptop bag 15 inch",
        "toner brother tn-2220",
        "canon ef 50mm lens",
        "ddr4 memory 16gb",
        "usb hub",
        "photo paper a4 glossy",
        "office chair black",
        "",
        "???",
        "06R90321",
    ],
)
def test_a_query_that_names_its_product_is_left_alone(text: str) -> None:
    assert said(text) == ()


def test_a_file_of_one_s_own_comes_first_where_both_fit() -> None:
    own = Concept(key="own", kind="question", say=("sun shines on my screen",), find=("our own hood",))
    assert said("sun shines on my screen", Knowledge(concepts=(own, GLARE)))[0].text == "our own hood"


def test_it_is_a_rewriter_that_compares_by_value() -> None:
    rewriter = Knowledge(concepts=(GLARE,))
    assert isinstance(rewriter, Rewriter)
    assert rewriter == Knowledge(concepts=(GLARE,))
    assert rewriter.fingerprint == Knowledge(concepts=(GLARE,)).fingerprint != BUILT_IN.fingerprint
    assert said("anything at all", Knowledge(concepts=())) == ()
