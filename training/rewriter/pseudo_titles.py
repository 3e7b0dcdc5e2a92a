"""Pseudo titles, an option (OPQE): the model learns to write titles as the shop's products have them, not queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from multirecall.core.deadline import Deadline
from multirecall.engines.base import Engine, EngineRequest, Text
from multirecall.training.rewriter.data import Need

__all__ = ["with_pseudo_titles"]

_SEPARATING = str.maketrans({"|": " "})
_MAX_TITLE_WORDS = 9


def with_pseudo_titles(needs: Sequence[Need], engine: Engine, *, n: int) -> Iterator[Need]:
    """The needs with titles of products that hold all words of their best `n` texts; a need without any is left out.

    Titles are cut to nine words: a list of whole ones would be longer than a model's output may be.
    """
    texts = list(dict.fromkeys(text for need in needs for text in need.finds[:n]))
    requests = [EngineRequest(clause=Text(text=text, min_match=1.0), k=2) for text in texts]
    found: dict[str, list[str]] = {}
    for text, result in zip(texts, engine.search_many(requests, Deadline.never()), strict=True):
        found[text] = [hit.id for hit in result.hits]
    ids = list(dict.fromkeys(i for hits in found.values() for i in hits))
    titles = {
        i: " ".join(str(record["title"]).translate(_SEPARATING).lower().split()[:_MAX_TITLE_WORDS])
        for i, record in zip(ids, engine.fetch(ids, ["title"]), strict=True)
        if record is not None
    }
    for need in needs:
        finds = tuple(dict.fromkeys(titles[i] for text in need.finds[:n] for i in found[text] if i in titles))
        if finds:
            yield replace(need, finds=finds)
