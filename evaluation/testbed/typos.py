"""Typing errors as people make them: one edit each, never in numbers or short words."""

from __future__ import annotations

from multirecall.evaluation.testbed.draws import Dice

__all__ = ["misspell"]

_NEIGHBOURS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl",
    "p": "ol", "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb", "h": "gyjn", "j": "hukm", "k": "jil",
    "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip
_VOWELS = "aeiou"


def misspell(text: str, dice: Dice) -> str | None:
    """The text with one error, or two in a quarter of the cases; None where no word can take one."""
    words = text.split(" ")
    able = [i for i, w in enumerate(words) if len(w) >= 4 and w.isascii() and w.isalpha()]
    if not able:
        return None
    for i in dice.shuffled(able)[: 2 if dice.chance(0.25) else 1]:
        words[i] = _edit(words[i], dice)
    wrong = " ".join(words)
    return wrong if wrong != text else None


def _edit(word: str, dice: Dice) -> str:
    at = 1 + dice.below(len(word) - 1)  # first letters are seldom wrong
    letter = word[at]
    match dice.below(5):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[: at - 1] + letter + word[at - 1] + word[at + 1 :] if at > 1 else word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + dice.pick(_NEIGHBOURS.get(letter, "e")) + word[at + 1 :]
        case 3:
            return word[:at] + letter + word[at:]
        case _:
            spots = [i for i, c in enumerate(word) if c in _VOWELS and i]
            if not spots:
                return word[:at] + letter + word[at:]
            at = dice.pick(spots)
            return word[:at] + dice.pick([v for v in _VOWELS if v != word[at]]) + word[at + 1 :]
