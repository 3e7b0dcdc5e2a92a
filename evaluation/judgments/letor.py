"""Judgments as LETOR and SVMrank write them: `grade qid:1 1:0.3 2:0.5 # product id`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from multirecall.evaluation.judgments.collecting import Triple
from multirecall.evaluation.tables import wrong

__all__ = ["is_letor", "letor_triples"]

_LINE = re.compile(r"\s*(?P<grade>\S+)\s+qid:(?P<qid>\S+)(?P<features>[^#]*)(?:#(?P<comment>.*))?")
_PRODUCT = re.compile(r"\s*(?:(?:docid|product_id|pid)\s*[=:]\s*)?(?P<id>\S+)")


def is_letor(line: str) -> bool:
    """Whether a first line is one of these: its second word is the query."""
    return line.startswith("#") or re.match(r"\S+\s+qid:\S", line.strip()) is not None


def letor_triples(path: Path, text: str) -> Iterator[Triple]:
    """The judgments; features are passed over, lines that begin with # are remarks.

    The product's id is the first word after `#`, or what follows `docid =` there (LETOR 4.0). Raises InvalidSource for
    a line without it: then a run could not be compared with the file.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise wrong(path, number, "qid", "is missing", hint="A line reads: grade qid:1 1:0.3 2:0.5 # product_id.")
        product = _PRODUCT.match(found["comment"] or "")
        if product is None:
            raise wrong(
                path,
                number,
                "docid",
                "is missing",
                hint="Write the product's id after the features: 2 qid:1 1:0.3 # P123. Features alone name no product.",
            )
        yield Triple(number, found["qid"], product["id"], found["grade"])
