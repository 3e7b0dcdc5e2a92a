"""Texts as models may see them: every string here can be written as UTF-8."""

from __future__ import annotations

import re
from collections.abc import Sequence

from multirecall.core.errors import InvalidInput

__all__ = ["well_formed"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def well_formed(texts: Sequence[str]) -> list[str]:
    """The texts with surrogate pairs joined and lone surrogates replaced by U+FFFD; others unchanged.

    JSON may smuggle lone surrogates into Python strings; tokenizers cannot take them. Raises InvalidInput for a
    single string in the place of a sequence (it would be read letter by letter) and for an item that is no text.
    """
    if isinstance(texts, str):
        raise InvalidInput("An encoder takes a list of texts, got one text.", hint="Pass [text].", field="texts")
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidInput(
                f"Text {at} is {type(text).__name__}, not text.", hint="Pass '' for a missing text.", field="texts"
            )
    return [_joined(text) if _SURROGATE.search(text) else text for text in texts]


def _joined(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
