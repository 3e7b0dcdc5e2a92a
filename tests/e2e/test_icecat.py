"""The real catalogue, as it comes, on every engine: no product lost, and hybrid answers within the deadline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.command import multirecall

pytestmark = [pytest.mark.data, pytest.mark.slow]

PRODUCTS = 19_406


def check_main_job(engine: str, icecat: Path, out: Path) -> None:
    """Index all four files, search with filter and facets, answer the judged queries as a run."""
    files = sorted(str(path) for path in icecat.glob("*.json.zip"))
    built = multirecall("index", *files, "--engine", engine, "--encoder", "static", "--json")
    assert built.code == 0, built.err
    assert (built.json["read"], built.json["written"], built.json["rejected"]) == (PRODUCTS, PRODUCTS, 0)
    assert built.json["mapping_suggested"]
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


def test_the_embedded_engine(icecat_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_main_job("embedded:shop", icecat_dir, tmp_path / "run.trec")


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_the_servers(
    kind: str,
    icecat_dir: Path,
    tmp_path: Path,
    index_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    monkeypatch.chdir(tmp_path)
    check_main_job(f"{url}/{index_prefix}icecat", icecat_dir, tmp_path / "run.trec")
