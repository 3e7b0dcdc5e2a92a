from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from multirecall.engines.servers.binary import packed, unpacked

TEXTS = ["", "a", "ab", "abc", "desk lamp\tacm\t\t\t", "zwölf ÿ þ ~~~???>>>", "日本🛒"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_in_either_alphabet_with_and_without_padding(text: str) -> None:
    urls = urlsafe_b64encode(text.encode()).decode()
    for sent in (packed(text), urls, urls.rstrip("=")):
        assert unpacked(sent) == text


def test_the_alphabets_differ_in_what_is_tested() -> None:
    assert any(set("+/") & set(packed(text)) for text in TEXTS)
