"""Asks a service whether it is well, by the very command of its health check."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from multirecall.engine.process import log_tail

from .errors import ClusterStartFailed
from .processes import find_program
from .service import HealthCheck
from .state import RunningService

__all__ = ["Probe", "ProbeResult", "wait_until_healthy"]

_KEPT_OUTPUT = 500
# A loaded machine starts a Python process in seconds, not in tenths: be no stricter than this.
_LEAST_PATIENCE_S = 120.0
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The answer of one health check, with the end of what it printed."""

    is_healthy: bool
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The health check of a service, with addresses of this machine."""

    check: HealthCheck
    command: Sequence[str]
    environment: Mapping[str, str]

    def ask_as_often_as_allowed(self) -> ProbeResult:
        """The first healthy answer, or the last of `retries` others: one late answer makes no container unhealthy."""
        result = self.ask()
        for _ in range(self.check.retries - 1):
            if result.is_healthy:
                break
            result = self.ask()
        return result

    def ask(self) -> ProbeResult:
        """The answer now; blocks for at most the timeout of the check."""
        program = find_program(self.command[0], self.environment)
        if program is None:
            return ProbeResult(is_healthy=False, output=f"there is no program {self.command[0]!r} on PATH")
        try:
            done = subprocess.run(  # noqa: S603 - the test that compose.yaml states, a list and no shell of ours
                [program, *self.command[1:]],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.check.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return ProbeResult(is_healthy=False, output=f"no answer within {self.check.timeout_s:g} s")
        output = (done.stdout + done.stderr).decode("utf-8", errors="replace").strip()
        return ProbeResult(is_healthy=done.returncode == 0, output=output[-_KEPT_OUTPUT:])


def wait_until_healthy(
    service: RunningService, probe: Probe | None, *, settle_s: float = 0.5, pause: Callable[[float], None] = time.sleep
) -> float:
    """The seconds it took. Without a probe, a service that still runs after `settle_s` counts as started.

    Raises:
        ClusterStartFailed: The process ended, or did not become healthy in the time that its health check allows.
    """
    begun = time.monotonic()
    if probe is None:
        pause(settle_s)
        if not service.is_running:
            raise _failure(service, "ended as soon as it was started")
        return time.monotonic() - begun
    patience_s = max(_LEAST_PATIENCE_S, probe.check.patience_s)
    pause_s = min(_LONGEST_PAUSE_S, probe.check.start_interval_s)
    while True:
        result = probe.ask()
        # Asked in this order: a healthy answer may have come from another program on the port of one that ended.
        if not service.is_running:
            raise _failure(service, "ended while it started")
        if result.is_healthy:
            return time.monotonic() - begun
        if time.monotonic() - begun > patience_s:
            said = f" Its health check said: {result.output}" if result.output else ""
            raise _failure(service, f"was not healthy within {patience_s:.0f} s.{said}")
        pause(pause_s)


def _failure(service: RunningService, what: str) -> ClusterStartFailed:
    tail = log_tail(service.log_path)
    shown = "\n".join(tail) if tail else "(it is empty)"
    return ClusterStartFailed(
        f"Service {service.name} {what}. The end of its log, {service.log_path}:\n{shown}",
        service=service.name,
        log_path=str(service.log_path),
        log_tail=tail,
    )
