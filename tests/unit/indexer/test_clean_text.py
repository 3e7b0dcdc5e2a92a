from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.indexer.clean_text import plain_text


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("plain text", "plain text"),
        ("5 < 10 and 12 > 3", "5 < 10 and 12 > 3"),
        ("I <3 you", "I <3 you"),
        ("2<x>3 y", "2<x>3 y"),
        ("a<br />b<BR>c", "a b c"),
        ("<ul><li>Ink</li><li>Black</li></ul>", "Ink Black"),
        ("H<sub>2</sub>O", "H2O"),
        ('<p class="a">Hi &amp; <b>you</b></p>', "Hi & you"),
        ("Intel&reg; Core&trade;", "Intel® Core™"),
        ("&amp;nbsp;x&amp;amp;y", "x&y"),
        ("R&D", "R&D"),
        ("a<!-- no -->b<script>alert(1)</script>c<style>p{}</style>", "a b c"),
        ("<script>never closed", ""),
        ("x\x00y\x1fz\x7f", "x y z"),
        ("tab\tline\r\nend ", "tab line end"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("e\u0301", "é"),
        ("no\u00a0break", "no break"),
        ("&lt;br&gt;x", "x"),
        ("<b", "<b"),
    ],
)
def test_texts_become_plain(raw: str, plain: str) -> None:
    assert plain_text(raw) == plain


@given(st.text(alphabet=st.characters(), max_size=200))
def test_plain_texts_are_storable_and_normal(raw: str) -> None:
    text = plain_text(raw)
    text.encode("utf-8")
    assert text == " ".join(text.split())
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)


def test_hostile_markup_takes_linear_time() -> None:
    assert plain_text("<a " * 200_000).startswith("<a <a")
    assert plain_text("<!--" * 100_000) == ""
