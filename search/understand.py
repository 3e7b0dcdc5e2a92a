"""Query understanding: a typed text becomes a Query, once, with a log of what was changed."""

from __future__ import annotations

import re
import unicodedata

from multirecall.core.codes import query_codes
from multirecall.core.filters import Filter
from multirecall.core.query import MAX_QUERY_CHARS, Facet, Query, Rewrite, Sort

__all__ = ["understand"]

_SPACES = re.compile(r"\s+")
_TYPOGRAPHY = str.maketrans({"‘": "'", "’": "'", "´": "'", "“": '"', "”": '"', "″": '"', "–": "-", "—": "-", "−": "-"})


def _clean(text: str) -> str:
    """Compatibility forms unified, typographic quotes and dashes made plain, control characters made spaces."""
    folded = unicodedata.normalize("NFKC", text.translate(_TYPOGRAPHY))
    visible = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in folded)
    return _SPACES.sub(" ", visible).strip()


def _shorten(text: str) -> str:
    """At most MAX_QUERY_CHARS characters, cut at the last space if there is one in the second half."""
    if len(text) <= MAX_QUERY_CHARS:
        return text
    cut = text[:MAX_QUERY_CHARS]
    space = cut.rfind(" ")
    return cut[:space] if space > MAX_QUERY_CHARS // 2 else cut


def understand(
    raw: str,
    *,
    filter: Filter | None = None,
    sort: tuple[Sort, ...] = (),
    facets: tuple[Facet, ...] = (),
    offset: int = 0,
    size: int = 10,
) -> Query:
    """The Query for what a shopper typed. Any text is allowed; none of its characters is an operator.

    A text without a letter or digit gives a Query with an empty `text`: there is nothing to look for.
    """
    rewrites: list[Rewrite] = []
    text = raw
    for name, step in (("clean", _clean), ("shorten", _shorten)):
        after = step(text)
        if after != text:
            rewrites.append(Rewrite(by=name, before=text[:MAX_QUERY_CHARS], after=after))
            text = after
    if not any(c.isalnum() for c in text):
        text = ""
    return Query(
        raw=raw,
        text=text,
        codes=query_codes(text),
        filter=filter,
        sort=sort,
        facets=facets,
        offset=offset,
        size=size,
        rewrites=tuple(rewrites),
    )
