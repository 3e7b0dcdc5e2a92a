"""Part numbers, sizes and hyphenated names, brought to one form however they are typed.

`LJ-4250`, `LJ 4250`, `lj4250` all give `lj4250`; `19 mm` and `19mm` give `19mm`; `USB-C`, `usb c` and `usbc` give
`usbc`. The same functions run over products (into the index field `codes`) and over queries, so all engines agree
without any analyser of their own.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable

__all__ = ["MAX_CODE_CHARS", "looks_like_part_number", "normalise_code", "product_codes", "query_codes"]

MAX_CODE_CHARS = 40
"""Longer tokens (URLs, hashes) are no part numbers."""

_MAX_CODES = 400
"""Most codes kept of one product: specification sheets of network switches list hundreds of standards."""

_CHUNK = re.compile(r"[^\s,;:()\[\]{}|\"'“”‘’!?<>=*+]+")
_RUNS = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_DECIMAL = re.compile(r"(\d+)\.(\d{1,3})([a-z]{0,4})")
_DECIMAL_COMMA = re.compile(r"(?<![\d,])(\d+),(\d{1,2})(?![\d,])")
_INCHES = re.compile(r"(\d)\s?(?:\"|''|″|”)")
_UNITS = {
    "inch": "in", "inches": "in", "zoll": "in", "meter": "m", "meters": "m", "metre": "m", "metres": "m",
    "litre": "l", "litres": "l", "liter": "l", "liters": "l", "watt": "w", "watts": "w", "volt": "v", "volts": "v",
}  # fmt: skip
_LONGEST_JOINED_WORD = 6  # letters before a number: "lj 4250", "galaxy 10"; longer words are not prefixes
_LONGEST_UNIT = 5  # letters after a number: "19 mm", "8 port"


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("µ", "u"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def normalise_code(token: str) -> str:
    """Lower case, accents and separators removed: `LJ-4250/A` gives `lj4250a`; a decimal keeps its point: `2.5m`."""
    if token.isascii() and token.isalnum():  # most words: the rest changes nothing and costs ten times as much
        return token.lower()
    folded = _fold(token).strip(".-_/#&%~^°®™\\")
    decimal = _DECIMAL.fullmatch(folded)
    if decimal:
        whole, fraction, unit = decimal.groups()
        return f"{whole}.{fraction}{unit}" if fraction.strip("0") else f"{whole}{unit}"
    return _SEPARATORS.sub("", folded)


def looks_like_part_number(code: str) -> bool:
    """Whether a normalised code names one product rather than a size: letters and digits mixed with 3 or more
    digits, or 6 or more digits alone (EAN, article numbers)."""
    digits = sum(c.isdigit() for c in code)
    letters = sum(c.isalpha() for c in code)
    return (letters >= 1 and digits >= 3) or (letters == 0 and digits >= 6)


def _codes_of(text: str, keep_words: bool) -> Iterable[str]:
    plain_text = _DECIMAL_COMMA.sub(r"\1.\2", _INCHES.sub(r"\1in ", _fold(text)))
    chunks = [c for c in (raw.strip(".-_/#&%~^°®™\\") for raw in _CHUNK.findall(plain_text)) if c]
    joined = [normalise_code(c) for c in chunks]
    for position, (chunk, code) in enumerate(zip(chunks, joined, strict=True)):
        if not code:
            continue
        plain = chunk.isascii() and chunk.isalpha() and chunk.islower()
        if keep_words or not plain:
            yield code
        if not plain and "." not in code and len(chunk) <= MAX_CODE_CHARS:
            yield from _pieces(chunk, code)
        if position + 1 < len(chunks) and (following := joined[position + 1]):
            if plain and len(code) > 1 and len(following) > 1 and following.isalpha():
                continue  # two words: most neighbours, and never one code
            pair = _pair(code, following, plain)
            after_number = (
                position > 0 and joined[position - 1].replace(".", "").isdigit()
            )  # "2 m kabel": the m is taken
            if pair and not (after_number and len(code) == 1):
                yield pair


def _pieces(chunk: str, code: str) -> Iterable[str]:
    """The parts of a compound that can stand for it: `dv7-1211ea` gives `dv7` and `1211ea`, `lj4250` gives `4250`."""
    parts = [p for p in _SEPARATORS.split(chunk) if p]
    if len(parts) > 1:
        yield from (p for p in parts if len(p) > 1 and p != code and any(c.isdigit() for c in p))
        yield from (a + b for a, b in itertools.pairwise(parts) if len(parts) > 2)
    for part in parts:
        runs = _RUNS.findall(part)
        if len(runs) > 1:
            yield from (r for r in runs if r.isdigit() and len(r) >= 3)


def _pair(left: str, right: str, left_is_word: bool) -> str | None:
    """Two neighbours that are often typed as one: `lj 4250`, `19 mm`, `usb c`, `dv7 1211ea`."""
    left_digits, right_digits = left[0].isdigit(), right[0].isdigit()
    if left_is_word and right_digits and len(left) <= _LONGEST_JOINED_WORD:
        return left + right
    if left_digits and right.isalpha() and left.replace(".", "").isdigit():
        unit = _UNITS.get(right, right)
        return left + unit if len(unit) <= _LONGEST_UNIT else None
    if left.isalpha() and right.isalpha() and (len(left) == 1) != (len(right) == 1):
        return left + right
    if not left_is_word and any(c.isdigit() for c in left) and any(c.isdigit() for c in right):
        return left + right
    return None


def _distinct(codes: Iterable[str], limit: int) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for code in codes:
        if 1 < len(code) <= MAX_CODE_CHARS and len(seen) < limit:
            seen.setdefault(code)
    return tuple(seen)


def product_codes(texts: Iterable[str], identifiers: Iterable[str] = ()) -> tuple[str, ...]:
    """The codes of a product, in order of appearance, each once: identifiers first, then those in its texts.

    Identifiers (part number, EAN) are taken whole as well as in parts; numbers also without leading zeros.
    """

    def found() -> Iterable[str]:
        for identifier in identifiers:
            whole = normalise_code(identifier)
            yield whole
            if whole.isdigit():
                yield whole.lstrip("0")
                if identifier.isalnum():  # an EAN has no parts
                    continue
            yield from _codes_of(identifier, keep_words=True)
        for text in texts:
            yield from _codes_of(text, keep_words=False)

    return _distinct(found(), _MAX_CODES)


def query_codes(text: str) -> tuple[str, ...]:
    """The codes a query may mean: as for a product, and its plain words too (`usbc` must find `USB-C`)."""
    codes = _distinct(_codes_of(text, keep_words=True), 64)
    stripped = (c.lstrip("0") for c in codes if c.isdigit() and c.startswith("0"))
    return _distinct((*codes, *stripped), 64)
