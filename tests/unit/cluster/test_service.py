"""Services as compose files describe them."""

from __future__ import annotations

from typing import Any

import pytest

from multirecall.core.errors import UnsupportedFeature
from multirecall.engine.cluster.errors import InvalidComposeFile
from multirecall.engine.cluster.servers import heap_mb, server_kind, server_settings
from multirecall.engine.cluster.service import Mount, Service, parse_service, seconds


def service(**fields: Any) -> Service:
    return parse_service("s", fields, fields.pop("environment", {}))


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("1m30s", 90), ("1h", 3600), ("250ms", 0.25), ("1.5s", 1.5), (7, 7), ("7", 7)]
)
def test_seconds_when_a_duration_then_seconds(text: str | int, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "s", "1x", "1 m", "-1s"])
def test_seconds_when_no_duration_then_refused(text: str) -> None:
    with pytest.raises(InvalidComposeFile):
        seconds(text)


def test_parse_service_when_ports_are_given_in_every_form_then_inside_and_outside() -> None:
    parsed = service(
        ports=["127.0.0.1:18080:8080", "81:80/tcp", "9000", {"target": 5555, "published": "15555"}], expose=["6379"]
    )
    assert parsed.ports == (8080, 80, 9000, 5555, 6379)
    assert parsed.published == {8080: 18080, 80: 81, 5555: 15555}


@pytest.mark.parametrize("port", ["8000-8010:8000-8010", "x"])
def test_parse_service_when_a_port_cannot_be_read_then_refused(port: str) -> None:
    with pytest.raises(InvalidComposeFile, match="port"):
        service(ports=[port])


def test_parse_service_when_dependencies_are_a_list_then_they_need_only_be_started() -> None:
    parsed = service(depends_on=["a"])
    assert (parsed.depends_on["a"].condition, parsed.depends_on["a"].required) == ("service_started", True)
    other = service(depends_on={"a": {"condition": "service_healthy", "required": False}}).depends_on["a"]
    assert (other.condition, other.required) == ("service_healthy", False)
    with pytest.raises(InvalidComposeFile, match="service_wealthy"):
        service(depends_on={"a": {"condition": "service_wealthy"}})


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (["CMD", "a", "b"], ("a", "b")),
        (["CMD-SHELL", "a | b"], ("/bin/sh", "-c", "a | b")),
        ("a | b", ("/bin/sh", "-c", "a | b")),
    ],
)
def test_parse_service_when_it_has_a_health_check_then_a_command(test: Any, expected: tuple[str, ...]) -> None:
    check = service(healthcheck={"test": test, "interval": "10s", "retries": 2, "start_period": "1m", "timeout": "5s"})
    assert check.health is not None
    assert (check.health.command, check.health.patience_s) == (expected, 60 + 2 * (10 + 5))


@pytest.mark.parametrize("fields", [None, {"test": ["NONE"]}, {"test": ["CMD", "x"], "disable": True}])
def test_parse_service_when_the_health_check_is_off_then_none(fields: Any) -> None:
    assert service(healthcheck=fields).health is None


def test_parse_service_when_volumes_are_given_in_both_forms_then_binds_and_volumes() -> None:
    parsed = service(
        volumes=["v:/data", "./a:/b:ro", {"type": "bind", "source": "c", "target": "/d/"}],
        configs=[{"source": "k", "target": "/etc/k"}],
        tmpfs=["/var/x:size=1m"],
    )
    assert parsed.mounts == (
        Mount(kind="volume", source="v", target="/data"),
        Mount(kind="bind", source="./a", target="/b"),
        Mount(kind="bind", source="c", target="/d"),
        Mount(kind="config", source="k", target="/etc/k"),
        Mount(kind="tmpfs", source="var-x", target="/var/x"),
    )


def test_parse_service_when_a_key_is_unknown_then_refused_and_not_passed_over() -> None:
    with pytest.raises(UnsupportedFeature, match="network_mode"):
        service(network_mode="host")


def test_server_settings_when_redis_then_its_flags_without_places() -> None:
    parsed = service(
        image="docker.io/library/redis:7.2.16-bookworm",
        command="redis-server --port 6379 --dir /data --appendonly yes --save '' --maxmemory 1gb",
    )
    assert server_kind(parsed) == "redis"
    assert server_settings(parsed) == {"appendonly": "yes", "save": "", "maxmemory": "1gb"}


def test_server_settings_when_redis_has_another_command_then_refused() -> None:
    with pytest.raises(InvalidComposeFile, match="--flags"):
        server_settings(service(image="redis:7", command="sh -c redis-server"))


def test_server_settings_when_elasticsearch_then_node_settings_that_a_local_one_knows() -> None:
    environment = {
        "discovery.type": "single-node",
        "xpack.security.enabled": "false",
        "path.repo": "/snapshots",
        "ES_JAVA_OPTS": "-Xms2g -Xmx2g",
        "ELASTIC_PASSWORD": "",
    }
    parsed = service(image="docker.elastic.co/elasticsearch/elasticsearch:9.5.3", environment=environment)
    assert (server_kind(parsed), server_settings(parsed), heap_mb(parsed)) == (
        "elasticsearch",
        {"path.repo": "/snapshots"},
        2048,
    )


def test_server_kind_when_an_image_of_ours_or_another_program_then_none() -> None:
    assert server_kind(service(image="redis:7", build=".")) is None
    assert server_kind(service(image="prom/prometheus:v3.13.3")) is None
