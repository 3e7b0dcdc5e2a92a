"""Texts as exports hold them, made plain: no HTML, no control characters, one kind of space, Unicode NFC."""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["plain_text"]

_TAG_NAMES = (
    "a|abbr|address|article|aside|b|big|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|div|dl|"
    "dt|em|embed|fieldset|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|"
    "legend|li|link|main|map|mark|meta|nav|noscript|object|ol|option|p|param|picture|pre|q|s|section|select|small|"
    "source|span|strike|strong|sub|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|"
    "var|video|wbr|o:p"
)
# Only names that HTML knows are tags, so that "5 < 10", "<3" and "x<y>z" survive.
_TAG = re.compile(rf"</?(?:{_TAG_NAMES})(?:\s[^<>]*|/)?>", re.IGNORECASE)
_INLINE = re.compile(
    r"</?(?:a|abbr|b|big|del|em|font|i|ins|mark|q|s|small|span|strike|strong|sub|sup|tt|u|wbr)\b", re.I
)
_UNSEEN = re.compile(r"<!--.*?(?:-->|$)|<(script|style)\b[^>]*>.*?(?:</\1\s*>|$)|<!doctype[^>]*>", re.I | re.S)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff\ufff9-\ufffb]")
_JOINERS = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BLANK = re.compile(r"\s+")
_SUSPECT = re.compile(r"[<&]|[^ -~]|  |^ | $")


def plain_text(value: str) -> str:
    """The text without markup.

    Character entities are read (also those written twice, `&amp;nbsp;`); tags with an HTML name go, a block tag or
    `<br>` leaving a space; comments, scripts and styles go with their content; control characters and NUL become
    spaces, invisible joiners vanish; lone surrogates become U+FFFD; white space becomes one space; Unicode NFC.
    """
    if not _SUSPECT.search(value):
        return value
    text = value
    if "&" in text:
        text = html.unescape(text)
        if "&" in text:
            text = html.unescape(text)
    if "<" in text:
        text = _UNSEEN.sub(" ", text)
        text = _TAG.sub(_gap, text)
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", _JOINERS.sub("", text))
        text = unicodedata.normalize("NFC", text)
    return _BLANK.sub(" ", _CONTROL.sub(" ", text)).strip()


def _gap(tag: re.Match[str]) -> str:
    """Inline tags stand inside words (`H<sub>2</sub>O`); all others part them."""
    return "" if _INLINE.match(tag.group()) else " "
