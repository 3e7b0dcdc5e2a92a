"""How to get into a server: credentials and TLS settings, which print without their secrets."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.core.errors import InvalidSettings

__all__ = ["Credentials", "TlsSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Either a user with a password or an API key (as the server hands it out: base64 of `id:key`)."""

    user: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.user and self.api_key:
            raise InvalidSettings("Give either a user and password or an API key, not both.", field="credentials")
        if not ((self.user and self.password) or self.api_key):
            raise InvalidSettings("Credentials need a user and a password, or an API key.", field="credentials")
        if ":" in self.user:
            raise InvalidSettings("A user name cannot hold a colon.", field="credentials")
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            raise InvalidSettings("The API key must be printable ASCII, as the server handed it out.", field="api_key")

    def header(self) -> str:
        """The value of the HTTP header `Authorization`."""
        if self.api_key:
            return f"ApiKey {self.api_key}"
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """For `https`: whom to trust (`ca_file`: PEM; None: the system's authorities) and how to prove who we are.

    `verify=False` accepts any certificate: for a first look at a server of one's own, never for production.
    """

    ca_file: Path | None = None
    verify: bool = True
    client_cert: Path | None = None
    client_key: Path | None = None
