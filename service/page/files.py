"""The page's files, read once: each is served under a name that changes with the contents, so that it never expires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

__all__ = ["FOLDER", "PageFile", "PageFiles", "read_page"]

FOLDER = Path(__file__).resolve().parent / "static"

_INDEX = "index.html"
_ASSETS = "{{assets}}"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFiles:
    """`index` is the document of all views; `assets` by path. `version` is a digest of them all."""

    version: str
    index: PageFile
    assets: Mapping[str, PageFile]


def read_page(folder: Path = FOLDER) -> PageFiles:
    """All files of the folder, in memory (some hundred kB); files of other types are none of the page's."""
    files = {
        path.relative_to(folder).as_posix(): PageFile(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }
    digest = blake2b(digest_size=8)
    for name, file in files.items():
        digest.update(f"{name}\0{len(file.body)}\0".encode())
        digest.update(file.body)
    version = digest.hexdigest()
    index = files.pop(_INDEX)
    body = index.body.replace(_ASSETS.encode(), f"/assets/{version}".encode())
    return PageFiles(version=version, index=PageFile(body, index.media_type), assets=files)
