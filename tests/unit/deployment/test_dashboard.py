"""Dashboard, alerts and docs/api.md speak of figures that are served, and of all of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from multirecall.search.serving import Frontend
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.tokens import PageTokens
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.search_metrics import SearchCollector
from tests.unit.service.shop import filled_engine, opened_live

ROOT = Path(__file__).resolve().parents[3]
BOARD = json.loads((ROOT / "engine" / "grafana" / "multirecall.json").read_text())
ALERTS = yaml.safe_load((ROOT / "engine" / "prometheus" / "alerts.yml").read_text())
NAME = re.compile(r"multirecall_\w+")


def named(text: str) -> set[str]:
    return {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in NAME.findall(text)}


@pytest.fixture(scope="module")
def ours() -> set[str]:
    with filled_engine() as engine, opened_live(engine) as live:
        frontend = Frontend(live, tokens=PageTokens(b"x"), cache=ListCache(max_bytes=1 << 20))
        metrics = ServiceMetrics([SearchCollector(frontend)])
        metrics.kept_answers(lambda: 0)
        text = metrics.exposition().decode()
        frontend.close()
    families = {family.name for family in text_string_to_metric_families(text)}
    return {name for name in families if name.startswith("multirecall_") and not name.endswith("_created")}


def test_what_is_drawn_and_alerted_is_served(ours: set[str]) -> None:
    workers = named((ROOT / "docs" / "workers.md").read_text())
    expressions = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    rules: list[dict[str, Any]] = ALERTS["groups"][0]["rules"]
    for expression in (*expressions, *(rule["expr"] for rule in rules)):
        assert named(expression) <= ours | workers, expression
    assert len(expressions) >= 12
    assert all(rule["annotations"]["summary"] for rule in rules)


def test_panels_do_not_overlap() -> None:
    taken = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in BOARD["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))


def test_the_table_of_figures_is_that_of_the_service(ours: set[str]) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    table = page[page.index("| figure |") : page.index("`COMPOSE_PROFILES=prometheus`")]
    assert named(table) == ours
