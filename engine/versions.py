"""The pinned versions, read from `versions.env`, which compose.yaml and make read too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from multirecall.core.errors import InvalidSettings

__all__ = ["VERSIONS_FILE", "parse_versions", "pinned_versions"]

VERSIONS_FILE = Path(__file__).resolve().parent / "versions.env"

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=([^\s\"'$]+)")


def parse_versions(text: str, *, source: str = "versions.env") -> dict[str, str]:
    """The KEY=VALUE pairs of `text`, in file order; blank lines and `#` lines are skipped.

    Quotes, blanks and `$` in a value are refused, because docker compose, make and this reader treat them differently.

    Raises:
        InvalidSettings: A line is none of these, or a key comes twice; `data` holds the line number.
    """
    versions: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or match[1] in versions:
            fault = "comes twice" if match else "is not KEY=VALUE without quotes and blanks"
            raise InvalidSettings(f"{source}, line {number}: {line!r} {fault}.", field=source, line=number)
        versions[match[1]] = match[2]
    return versions


def pinned_versions() -> Mapping[str, str]:
    """The versions that this checkout boots."""
    return parse_versions(VERSIONS_FILE.read_text("utf-8"), source=str(VERSIONS_FILE))
