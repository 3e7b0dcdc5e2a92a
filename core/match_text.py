r"""MatchText: the words of a product as one short string, for fusions that compare products with the query.

Five parts joined by a tab, words separated by one space:

    title \t brand \t attribute names \t codes \t other

Title, brand and other hold index terms (as the index analyses text: folded and stemmed), so that they are compared
with a query's terms as they are. The string is made when the product is indexed and comes back with every hit.
"""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.core.errors import InvalidInput

__all__ = ["MAX_MATCH_TEXT_CHARS", "MatchText", "match_text_error", "split_parts"]

MAX_MATCH_TEXT_CHARS = 4_000
"""What a product's match text may hold: it is read for some hundred products per query."""

_N_PARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchText:
    """The words of one product. No word is empty or holds a space or a tab.

    `title` in order, with repeats; `brand` and `other` (category, attribute values, description) distinct, in order of
    first occurrence; `attribute_names` sorted; `codes` as the record has them.
    """

    title: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    attribute_names: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The string, at most `MAX_MATCH_TEXT_CHARS` long.

        What does not fit is cut off between two words: `other` first, then `codes`, and so on up to the title. Raises
        InvalidInput for a word that could not be read back.
        """
        parts = []
        room = MAX_MATCH_TEXT_CHARS - (_N_PARTS - 1)
        for words in (self.title, self.brand, self.attribute_names, self.codes, self.other):
            part = " ".join(words)
            if "\t" in part or part.count(" ") != max(len(words) - 1, 0) or (words and not all(words)):
                raise InvalidInput(f"A word of a match text is empty or holds a space: {words!r:.200}.", field="words")
            if len(part) > room:
                part = part[: max(part.rfind(" ", 0, room + 1), 0)]
                room = 0  # a part that was cut takes all room: nothing less important comes after it
            else:
                room -= len(part)
            parts.append(part)
        return "\t".join(parts)

    @classmethod
    def of(cls, text: str) -> MatchText:
        """What `to_text` wrote down; the empty text holds no words. Raises as `split_parts` does."""
        title, brand, names, codes, other = [tuple(part.split(" ")) if part else () for part in split_parts(text)]
        return cls(title=title, brand=brand, attribute_names=names, codes=codes, other=other)


def split_parts(text: str) -> tuple[str, str, str, str, str]:
    """Title, brand, attribute names, codes and other as they stand in the text; all empty for the empty text.

    For whoever reads hundreds of texts and needs some of their parts. Raises InvalidInput for what is no match text.
    """
    parts = text.split("\t") if text else ("",) * _N_PARTS
    if len(parts) != _N_PARTS:
        raise InvalidInput(
            _wrong_parts(len(parts)), hint="Index the catalogue again with this version.", field="match_text"
        )
    title, brand, names, codes, other = parts
    return title, brand, names, codes, other


def match_text_error(text: str) -> str:
    """Why no record may hold this as its match text; empty if it may."""
    if len(text) > MAX_MATCH_TEXT_CHARS:
        return f"A match text has at most {MAX_MATCH_TEXT_CHARS:,} characters, got {len(text):,}."
    n_parts = text.count("\t") + 1
    return "" if n_parts == _N_PARTS else _wrong_parts(n_parts)


def _wrong_parts(found: int) -> str:
    return f"A match text has {_N_PARTS} parts joined by tabs, got {found}."
