"""Units: sizes in one form however they are typed. `15,6 zoll`, `15.6"` and `15.6in` are `15.6 inch`, `2 tb` is `2tb`.

The words for a unit are those of English, German, French, Spanish, Italian and Dutch. Nothing is converted: 1000 gb are
not 1 tb, since no two catalogues agree on that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.recall.rewriters.chain import joined_fingerprint

__all__ = ["UNITS", "Units", "is_measure"]

UNITS: Final[Mapping[str, str]] = {
    name: unit
    for unit, names in {
        "inch": "inch inches zoll pouce pouces pulgada pulgadas pollice pollici duim",
        "tb": "tb terabyte terabytes",
        "gb": "gb gigabyte gigabytes gig gigs gbyte",
        "mb": "mb megabyte megabytes mbyte",
        "kb": "kb kilobyte kilobytes",
        "gbit": "gbit gigabit gigabits",
        "mbit": "mbit megabit megabits",
        "mbps": "mbps",
        "gbps": "gbps",
        "m": "m meter meters metre metres mtr mtrs mètre mètres metro metros metri",
        "cm": "cm centimeter centimeters centimetre centimetres zentimeter centimètre centimètres centimetros",
        "mm": "mm millimeter millimeters millimetre millimetres millimètre millimètres milimetros millimetri",
        "km": "km kilometer kilometers kilometre kilometres",
        "ft": "ft foot feet",
        "w": "w watt watts vatios",
        "kw": "kw kilowatt kilowatts",
        "wh": "wh watthour watthours",
        "v": "v volt volts",
        "va": "va voltampere",
        "kva": "kva",
        "a": "amp amps ampere amperes",
        "ah": "ah",
        "mah": "mah",
        "hz": "hz hertz",
        "khz": "khz kilohertz",
        "mhz": "mhz megahertz",
        "ghz": "ghz gigahertz",
        "mp": "mp mpx mpix megapixel megapixels megapixeles mégapixels",
        "dpi": "dpi",
        "ppm": "ppm",
        "rpm": "rpm",
        "lm": "lm lumen lumens",
        "kg": "kg kgs kilo kilos kilogram kilograms kilogramm",
        "g": "gram grams gramm gramme grammes gramos",
        "gsm": "gsm",
        "lb": "lb lbs pound pounds",
        "oz": "oz ounce ounces",
        "l": "liter liters litre litres litro litros litri",
        "ml": "ml milliliter milliliters millilitre millilitres",
        "port": "port ports",
        "sheets": "sheet sheets",
        "bit": "bit bits",
    }.items()
    for name in names.split()
}
"""The unit by each of its names. Letters that are words of their own (`a`, `l`, `g`, `in`) only count if they stand
right behind the number."""

_ATTACHED: Final[Mapping[str, str]] = {
    "in": "inch", "a": "a", "g": "g", "l": "l", "go": "gb", "to": "tb", "mo": "mb",  # the last three are French
}  # fmt: skip
_APART: Final = frozenset({"inch", "port", "sheets", "bit"})  # words rather than signs
_ROUND: Final = frozenset({"inch", "tb", "gb", "mb", "w", "m", "cm", "mm", "kg"})  # where 2.0 is 2
_CONFIDENCE: Final = 0.95

_BEFORE = r"(?<![\w.,/:#-])"
_NUMBER = r"(\d{1,6}(?:[.,]\d{1,2})?)"
_QUOTED = re.compile(rf"{_BEFORE}{_NUMBER}\s?(?:\"|''|″|”|´´)(?!\w)")
_DECIMAL_COMMA = re.compile(r"(?<![\w.,])(\d+),(\d{1,2})(?![\w,]|\.\d)")
_MEASURE = re.compile(rf"{_BEFORE}{_NUMBER}(\s?-?\s?)([^\W\d_]{{1,12}})\.?(?![\w-]|\.\w)", re.IGNORECASE)
_ONE_MEASURE = re.compile(rf"{_NUMBER}\s?-?([^\W\d_]{{1,12}}|\"|'')", re.IGNORECASE)


def is_measure(text: str) -> bool:
    """Whether the text is a number with its unit and nothing else: `2tb`, `15.6 inch`, `10"`."""
    found = _ONE_MEASURE.fullmatch(text)
    if not found:
        return False
    unit = found[2].lower()
    return unit in UNITS or unit in ('"', "''") or (unit in _ATTACHED and not any(c.isspace() for c in text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Rewriter. Signs stand right behind the number (`2tb`, `1.5m`), words apart (`15.6 inch`, `8 port`)."""

    @property
    def name(self) -> str:
        return "units"

    @property
    def fingerprint(self) -> str:
        return joined_fingerprint(("units 1", *UNITS, *_ATTACHED))

    @property
    def is_model(self) -> bool:
        return False

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """The query with its sizes in one form, or nothing."""
        if not any(c.isdigit() for c in query.text):
            return ()
        log: list[str] = []

        def put(found: re.Match[str], text: str) -> str:
            if text != found[0]:
                log.append(f"{found[0].strip()} → {text}")
            return text

        def quoted(found: re.Match[str]) -> str:
            return put(found, f"{_plain(found[1], 'inch')} inch")

        def measure(found: re.Match[str]) -> str:
            number, between, word = found.groups()
            unit = UNITS.get(word.lower()) or ("" if between else _ATTACHED.get(word.lower(), ""))
            if not unit:
                return found[0]
            return put(found, f"{_plain(number, unit)}{' ' if unit in _APART else ''}{unit}")

        def decimal(found: re.Match[str]) -> str:
            return put(found, f"{found[1]}.{found[2]}")

        text = _QUOTED.sub(quoted, query.text)
        text = _MEASURE.sub(measure, text)
        text = _DECIMAL_COMMA.sub(decimal, text)
        if not log or len(text) > MAX_REWRITING_CHARS:
            return ()
        return (Rewriting(text=text, by=self.name, confidence=_CONFIDENCE, log=tuple(log)),)


def _plain(number: str, unit: str) -> str:
    """The number with a decimal point; `2.0` of most units is `2`."""
    whole, _, fraction = number.replace(",", ".").partition(".")
    keeps = fraction and (fraction.strip("0") or unit not in _ROUND)
    return f"{whole}.{fraction}" if keeps else whole
