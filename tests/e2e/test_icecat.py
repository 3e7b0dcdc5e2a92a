"""The real catalogue, as it comes: no product lost, and hybrid answers within the deadline."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import multirecall
from tests.support.data import IndexedCatalogue

pytestmark = [pytest.mark.data, pytest.mark.slow]

PRODUCTS = 19_406


def check_main_job(engine: str, report: dict[str, Any], icecat: Path, out: Path) -> None:
    """All four files were indexed; search with filter and facets, answer the judged queries as a run."""
    assert (report["read"], report["written"], report["rejected"]) == (PRODUCTS, PRODUCTS, 0)
    assert report["mapping_suggested"]
    page = multirecall(
        "search", "usb c cable", "--engine", engine, "--filter", "brand=StarTech.com", "--facet", "brand",
        "--timeout", "20", "--json",
    )  # fmt: skip
    assert page.code == 0, page.err
    assert page.json["degraded"] == {}
    assert {hit["product"]["brand"] for hit in page.json["hits"]["hits"]} == {"StarTech.com"}
    assert {source["route"] for hit in page.json["hits"]["hits"] for source in hit["sources"]} == {"lexical", "dense"}
    part = multirecall("search", "006r 90321", "--engine", engine, "--routes", "lexical", "--timeout", "20", "--json")
    assert part.json["hits"]["hits"][0]["id"] == "3920564"
    run = multirecall(
        "run",
        "--queries",
        str(icecat / "queries.tsv"),
        "--out",
        str(out),
        "--engine",
        engine,
        "--timeout",
        "20",
        "--json",
    )
    assert run.code == 0, run.err
    assert (run.json["queries"], run.json["degraded"], run.json["queries_without_hits"]) == (347, {}, [])
    lines = out.read_text().splitlines()
    assert len(lines) == run.json["hits"] > 300 * 100
    assert all(re.fullmatch(r"\S+ Q0 \d+ \d+ \S+ \S+", line) for line in lines)


def test_the_embedded_engine(icecat_index: IndexedCatalogue, icecat_dir: Path, tmp_path: Path) -> None:
    check_main_job(icecat_index.engine, icecat_index.report, icecat_dir, tmp_path / "run.trec")
