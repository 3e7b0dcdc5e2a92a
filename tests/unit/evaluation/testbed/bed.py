"""One small test bed, written once, and its files as plain values."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multirecall.evaluation.testbed import SampleReport

__all__ = ["Bed", "read_bed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    report: SampleReport
    catalogue: list[dict[str, Any]]
    queries: list[dict[str, str]]
    constraints: list[dict[str, Any]]
    grades: dict[str, dict[str, int]]
    clicks: list[dict[str, str]]
    concepts: list[dict[str, Any]]


def read_bed(report: SampleReport) -> Bed:
    out = report.out
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for row in read_tsv((out / "judgments.tsv").read_text(encoding="utf-8")):
        assert row["source"] == "constructed"
        assert row["product_id"] not in grades[row["qid"]], "a product is judged once per query"
        grades[row["qid"]][row["product_id"]] = int(row["grade"])
    return Bed(
        report=report,
        catalogue=read_jsonl(out / "catalogue.jsonl"),
        queries=read_tsv((out / "queries.tsv").read_text(encoding="utf-8")),
        constraints=read_jsonl(out / "constraints.jsonl"),
        grades=dict(grades),
        clicks=read_tsv(gzip.decompress((out / "clicks.tsv.gz").read_bytes()).decode()),
        concepts=json.loads((out / "concepts.json").read_text(encoding="utf-8")),
    )


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_tsv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))
