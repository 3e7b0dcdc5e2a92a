"""Texts that catalogues and shoppers really send, and that break encoders."""

from __future__ import annotations

__all__ = ["TRICKY_TEXTS"]

TRICKY_TEXTS = (
    "HP LaserJet 1020 toner, black, 2.000 pages",
    "",
    " \t\r\n ",
    "a",
    "ﬁne Ⅷ ½ ㎏ ＨＰ",
    "naïve Straße ÇĞİ",
    "漢字カタカナ 한국어 ไทย العربية עברית",
    "\U0001f600\U0001f468‍\U0001f469‍\U0001f467 \U0001f1e9\U0001f1ea",
    "nul\0in\0the\0middle",
    "\0",
    "lone \ud800 surrogate",
    "\udfff",
    "pair \ud83d\ude00 of surrogates",
    "soft­hyphen zero​width nbsp bom﻿",
    "<b>bold</b> &amp; &#8482;",
    "quotes \" ' \\ and (parentheses) [PAD] [CLS] <unk>",
    "x" * 5_000,
    "laser " * 3_000,
    " " * 40_000 + "laser printer",
    'LJ-4250 19mm USB-C 1/2" 10,5x20',
)
