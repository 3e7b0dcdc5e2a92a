"""Reports: the evaluation reports of a folder, behind links that expire.

A link in a page carries no key. So the list, which needs one, names each report by a signed link that works for some
minutes.
"""

from __future__ import annotations

import hmac
import html
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Report", "Reports"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.html")
_TITLE = re.compile(r"<title>(.{1,300}?)</title>", re.DOTALL | re.IGNORECASE)
_HEAD_BYTES = 8_192
_MOST = 200
_LINK_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`modified_at` in seconds since 1970; `href` is the signed link."""

    name: str
    title: str
    modified_at: float
    bytes: int
    href: str


class Reports:
    """HTML files of one folder; no other file, and none below it, can be reached.

    `secret` signs the links: several processes behind one address need the same. None: one of this process alone.
    """

    def __init__(self, folder: Path, *, secret: bytes | None = None, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock

    def listed(self) -> list[Report]:
        """The latest first, 200 at most; none if the folder is not there (yet). Blocks: it reads the files' heads."""
        if not self._folder.is_dir():
            return []
        until = int(self._clock()) + _LINK_S
        found = []
        for path in self._folder.iterdir():
            if not _NAME.fullmatch(path.name) or path.is_symlink() or not path.is_file():
                continue
            stat = path.stat()
            found.append(
                Report(
                    name=path.name,
                    title=_title(path),
                    modified_at=stat.st_mtime,
                    bytes=stat.st_size,
                    href=f"/reports/{path.name}?until={until}&signature={self._signature(path.name, until)}",
                )
            )
        return sorted(found, key=lambda one: (-one.modified_at, one.name))[:_MOST]

    def read(self, name: str, *, until: str, signature: str) -> bytes | None:
        """The report of a link; None for one that is forged, too old, or leads nowhere. Blocks."""
        if not _NAME.fullmatch(name) or not re.fullmatch(r"[0-9]{1,12}", until):
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(name, int(until)).encode()):
            return None
        path = self._folder / name
        if int(until) < self._clock() or path.is_symlink() or not path.is_file():
            return None
        return path.read_bytes()

    def _signature(self, name: str, until: int) -> str:
        return hmac.digest(self._secret, f"report\0{name}\0{until}".encode(), "sha256").hex()


def _title(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    found = _TITLE.search(head)
    return html.unescape(" ".join(found[1].split())) if found else ""
