"""A small catalogue whose words are known: what the tests of rewriters learn from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from multirecall.core.codes import query_codes
from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.recall.rewriters.vocabulary import Vocabulary, learn_vocabulary
from multirecall.recall.rewriting import Rewriter

NEVER = Deadline.never()

KINDS = (
    ("Logitech Wireless Keyboard K350", "Logitech", 12, "cordless keyboard for the desk"),
    ("Canon EOS camera lens", "Canon", 10, "zoom lens for photographers"),
    ("HP CE505A toner cartridge black", "HP", 30, "original toner cartridge for LaserJet printers"),
    ("Kensington notebook bag 15.6\"", "Kensington", 8, "Bag for a notebook, with keyboard pocket"),
    ("Anker power bank 10000 mAh", "Anker", 6, "power bank with usb cable"),
    ("Hama backpack for notebooks", "Hama", 9, "a backpack; fits every notebook"),
    ("APC uninterruptible power supply (UPS) 700 VA", "APC", 5, "UPS with surge protection"),
    ("Siemens Drucker Patrone schwarz", "Siemens", 4, "Drucker und Patrone für das Büro"),
)  # fmt: skip


def records() -> list[Mapping[str, Any]]:
    """Every kind as often as it says."""
    made: list[Mapping[str, Any]] = []
    for title, brand, times, description in KINDS:
        for i in range(times):
            made.append(
                {
                    "title": title,
                    "description": description,
                    "brand": brand,
                    "category_path": ["Office", title.split()[-1]],
                    "attributes": {"print_colour": "black", "width": 12.0, "tags": ["new", "sturdy"]},
                    "identifiers": [f"{brand[:2].upper()}-77{i:02d}X", f"40012345{i:05d}"],
                }
            )
    return made


@cache
def vocabulary() -> Vocabulary:
    return learn_vocabulary(records())


def query(text: str) -> Query:
    return Query(raw=text, text=text, codes=query_codes(text))


def said(rewriter: Rewriter, text: str) -> list[str]:
    """The texts of its rewritings."""
    return [one.text for one in rewriter.rewrite(query(text), NEVER)]
