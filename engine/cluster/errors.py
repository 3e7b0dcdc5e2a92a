"""What can go wrong when the services of compose.yaml are started as local processes."""

from __future__ import annotations

from multirecall.core.errors import EngineUnavailable, InvalidSettings

__all__ = ["ClusterStartFailed", "InvalidComposeFile"]


class InvalidComposeFile(InvalidSettings):
    """compose.yaml, a file that it includes or an env file cannot be read or says something impossible."""

    code = "invalid_compose_file"


class ClusterStartFailed(EngineUnavailable):
    """A service ended, never became healthy or cannot run here. `data` holds `service`, `log_path` and `log_tail`."""

    code = "cluster_start_failed"
