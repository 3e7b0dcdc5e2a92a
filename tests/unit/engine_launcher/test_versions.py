"""The file of pinned versions."""

from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.engine.versions import parse_versions, pinned_versions


def test_pinned_versions_when_read_then_every_server_has_one() -> None:
    versions = pinned_versions()
    assert {"ELASTICSEARCH_VERSION", "OPENSEARCH_VERSION", "REDIS_VERSION"} <= set(versions)
    assert versions["OPENSEARCH_KNN_VERSION"].startswith(versions["OPENSEARCH_VERSION"])


def test_parse_versions_when_comments_and_blank_lines_then_skipped() -> None:
    assert parse_versions("# why\n\nA_VERSION=1.2.3-jre\n  B=7  \n") == {"A_VERSION": "1.2.3-jre", "B": "7"}


@pytest.mark.parametrize(
    "line", ["A = 1", 'A="1"', "A=", "=1", "a=1", "A=1 2", "A=$B", "A", "A='1'"], ids=lambda line: line
)
def test_parse_versions_when_make_or_compose_would_read_it_otherwise_then_refused(line: str) -> None:
    with pytest.raises(InvalidSettings, match="line 2") as caught:
        parse_versions(f"OK=1\n{line}\n")
    assert caught.value.data["line"] == 2


def test_parse_versions_when_a_key_comes_twice_then_refused() -> None:
    with pytest.raises(InvalidSettings, match="twice"):
        parse_versions("A=1\nA=2\n")
