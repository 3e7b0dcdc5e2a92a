"""API keys: who asks, and what they may do. Only digests are kept; the key itself is known to its holder alone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from multirecall.core.errors import InvalidSettings

__all__ = ["OPEN", "ApiKey", "Caller", "KeyRing", "Role", "key_line", "new_key", "read_keys"]

_PREFIX = "mr_"
_SECRET_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_KEYS = 1_000
_HINT = "Write name:role:sha256, e.g. as `multirecall keys new shop --role search` prints it."


class Role(IntEnum):
    """What a key may do; each may do what those below it may."""

    SEARCH = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`digest`: the SHA-256 of the key. A key has 256 bits of chance, so a slow hash would protect nothing more."""

    name: str
    role: Role
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the name of a key, and its role."""

    name: str
    role: Role


OPEN = Caller(name="open", role=Role.ADMIN)
"""Everybody, where no key is configured."""


class KeyRing:
    """All keys of a service. Without any, everybody may do everything."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._keys = tuple(keys)
        self._callers = tuple(Caller(name=key.name, role=key.role) for key in self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, presented: str) -> Caller | None:
        """Whose key this is; None for nobody's.

        Every key is compared, in constant time and without an early end: the time tells neither whether one fitted
        nor which, and since digests are compared, nothing of a key either.
        """
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
        found = -1
        for position, key in enumerate(self._keys):
            found += (position - found) * hmac.compare_digest(digest, key.digest)
        return self._callers[found] if found >= 0 else None


def new_key() -> str:
    """A key that nobody can guess; its prefix lets scanners of repositories and our own logs recognise it."""
    return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def key_line(name: str, role: Role, key: str) -> str:
    """What the settings keep of a key. Raises InvalidSettings for a name that cannot stand there."""
    if not _NAME.fullmatch(name):
        raise InvalidSettings(
            f"{name!r} is no name for a key.", hint="Lower-case letters, digits, dots and dashes.", field="name"
        )
    return f"{name}:{role.name.lower()}:{hashlib.sha256(key.encode()).hexdigest()}"


def read_keys(text: str, *, source: str) -> tuple[ApiKey, ...]:
    """The keys of a text: one a line or separated by commas; `#` begins a comment.

    Raises InvalidSettings that names the source and the line; what stands in it is not repeated, it may be a key.
    """
    found: dict[str, ApiKey] = {}
    entries = [
        (number, entry.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        for entry in line.partition("#")[0].split(",")
        if entry.strip()
    ]
    for number, entry in entries:
        parts = entry.split(":")
        problem = ""
        if len(parts) != 3:
            problem = "is not name:role:sha256"
        elif not _NAME.fullmatch(parts[0]):
            problem = "has a name of other than lower-case letters, digits, dots and dashes"
        elif parts[0] in found:
            problem = f"names key {parts[0]!r} again"
        elif parts[1].upper() not in Role.__members__:
            problem = f"has an unknown role; known: {', '.join(role.name.lower() for role in Role)}"
        elif not _DIGEST.fullmatch(parts[2]):
            problem = "ends in something that is no SHA-256 in hexadecimal"
        elif len(found) >= _MAX_KEYS:
            problem = f"is one more than the {_MAX_KEYS} keys that a service takes"
        if problem:
            raise InvalidSettings(f"{source}, line {number} {problem}.", hint=_HINT, field="api_keys")
        found[parts[0]] = ApiKey(name=parts[0], role=Role[parts[1].upper()], digest=bytes.fromhex(parts[2]))
    return tuple(found.values())
