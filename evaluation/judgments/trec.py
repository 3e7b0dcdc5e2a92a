"""Judgments as TREC qrels: `qid 0 product_id grade`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.judgments.collecting import Triple
from multirecall.evaluation.runs import from_trec_token

__all__ = ["trec_triples"]

_COLUMNS = 4


def trec_triples(path: Path, text: str) -> Iterator[Triple]:
    """The judgments, line by line. Raises InvalidSource for a line that has not four columns."""
    for number, line in enumerate(text.split("\n"), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != _COLUMNS:
            raise InvalidSource(
                f"{path}, line {number}: {len(cells)} columns where TREC qrels have {_COLUMNS} "
                "(qid, 0, product id, grade).",
                hint="A table needs a first line that names its columns: qid, product_id, grade.",
                field="judgments",
                file=str(path),
                line=number,
            )
        yield Triple(number, from_trec_token(cells[0]), from_trec_token(cells[2]), cells[3])
