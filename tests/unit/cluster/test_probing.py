"""Waiting for a health check, without a server and without waiting."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from multirecall.engine.cluster import probing
from multirecall.engine.cluster.errors import ClusterStartFailed
from multirecall.engine.cluster.probing import Probe, wait_until_healthy
from multirecall.engine.cluster.service import HealthCheck
from multirecall.engine.cluster.state import RunningService
from multirecall.engine.process import process_identity


def service(folder: Path, *, pid: int | None = None) -> RunningService:
    own = os.getpid() if pid is None else pid
    return RunningService(
        name="s",
        service="s",
        pid=own,
        identity=process_identity(own) or "gone",
        ports={},
        log_path=folder / "s.log",
        digest="",
        stop_grace_s=1,
        waits_for=(),
    )


def probe(program: str, *, timeout_s: float = 30, retries: int = 1) -> Probe:
    check = HealthCheck(
        command=(), interval_s=0, timeout_s=timeout_s, retries=retries, start_period_s=0, start_interval_s=0
    )
    return Probe(check=check, command=[sys.executable, "-c", program], environment=dict(os.environ))


def healthy_at_last(count: Path) -> str:
    """A check that fails twice; `count` becomes as long as it was asked."""
    program = f"import pathlib; p = pathlib.Path({str(count)!r}); n = len(p.read_text()) if p.exists() else 0; "
    return program + "p.write_text('x' * (n + 1)); raise SystemExit(n < 2)"


def test_wait_when_it_becomes_healthy_then_asked_until_then(tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = healthy_at_last(count)
    pauses: list[float] = []
    wait_until_healthy(service(tmp_path), probe(program), pause=pauses.append)
    assert (len(count.read_text()), len(pauses)) == (3, 2)


def test_wait_when_it_stays_unhealthy_then_what_the_check_said_and_the_log_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "_LEAST_PATIENCE_S", 0.0)
    (tmp_path / "s.log").write_text("last words\n")
    with pytest.raises(ClusterStartFailed, match=r"(?s)no index yet.*last words"):
        wait_until_healthy(service(tmp_path), probe("raise SystemExit('no index yet')", retries=0))


def test_wait_when_the_process_ended_then_a_healthy_answer_of_another_does_not_count(tmp_path: Path) -> None:
    ended = service(tmp_path, pid=2**22 + 1)
    with pytest.raises(ClusterStartFailed, match="ended while it started"):
        wait_until_healthy(ended, probe("pass"))
    with pytest.raises(ClusterStartFailed, match="ended as soon as"):
        wait_until_healthy(ended, None, pause=lambda _s: None)


def test_ask_when_the_check_hangs_or_cannot_run_then_unhealthy_with_the_reason() -> None:
    assert "within 0.2 s" in probe("import time; time.sleep(60)", timeout_s=0.2).ask().output
    absent = Probe(check=probe("").check, command=["no-such-program"], environment={"PATH": "/nowhere"})
    assert (absent.ask().is_healthy, "no-such-program" in absent.ask().output) == (False, True)


@pytest.mark.parametrize(("retries", "asked", "healthy"), [(2, 2, False), (3, 3, True), (5, 3, True)])
def test_one_late_answer_makes_no_service_unhealthy(tmp_path: Path, retries: int, asked: int, healthy: bool) -> None:
    count = tmp_path / "count"
    found = probe(healthy_at_last(count), retries=retries).ask_as_often_as_allowed()
    assert (found.is_healthy, len(count.read_text())) == (healthy, asked)
