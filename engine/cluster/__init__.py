"""Runs the services of compose.yaml as local processes: what is shipped is what is tested, without Docker."""

from .compose_file import ComposeProject, load_project
from .errors import ClusterStartFailed, InvalidComposeFile
from .launching import ClusterReport, ServiceStatus, connection, status, up
from .stopping import down

__all__ = [
    "ClusterReport",
    "ClusterStartFailed",
    "ComposeProject",
    "InvalidComposeFile",
    "ServiceStatus",
    "connection",
    "down",
    "load_project",
    "status",
    "up",
]
