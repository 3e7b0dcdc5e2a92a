"""Fingerprints: 16 hex digits that change when, and only when, the vectors could change.

The whole content of every file is hashed, not a sample of it: a sample would miss a model in which one layer was
fine-tuned. Hashing 90 MB costs about 0.1 s, so the digest of each file is kept in the cache folder beside what the
file system says of it (size, modification and change time in ns, inode). The change time cannot be set back by a
copy that preserves dates, so weights put in place of others are always hashed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multirecall.core.errors import EncoderError
from multirecall.encoders.storing import write_atomically

__all__ = ["FINGERPRINT_DIGITS", "FileDigests", "fingerprint"]

FINGERPRINT_DIGITS = 16
_BLOCK_BYTES = 1 << 20
_RACY_NS = 2_000_000_000
"""A file changed less than this ago may change again within one tick of its clock: its digest is not kept yet."""

_log = logging.getLogger(__name__)


def fingerprint(parts: Mapping[str, Any]) -> str:
    """16 hex digits over the parts, which are plain JSON values; their order does not matter."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=FINGERPRINT_DIGITS // 2).hexdigest()


class FileDigests:
    """Content digests of files, remembered in `folder` (None: not remembered).

    A folder that cannot be written costs time, never correctness: the digest is computed again each time.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def digest(self, file: Path) -> str:
        """32 hex digits over the content of the file. Raises EncoderError if it cannot be read."""
        try:
            return self._digest(file)
        except OSError as error:
            raise EncoderError(
                f"The model file {file} cannot be read: {error}", hint="Fetch the model again.", file=str(file)
            ) from error

    def _digest(self, file: Path) -> str:
        stat = file.stat()
        seen = {
            "path": str(file.resolve()),
            "size": stat.st_size,
            "modified_ns": stat.st_mtime_ns,
            "changed_ns": stat.st_ctime_ns,
            "inode": stat.st_ino,
        }
        if self._folder is None:
            return _content_digest(file)
        note = self._folder / f"{fingerprint({'path': seen['path']})}.json"
        known = _read_note(note)
        if known is not None and known.get("seen") == seen:
            return str(known["digest"])
        digest = _content_digest(file)
        if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _RACY_NS:
            try:
                write_atomically(note, json.dumps({"seen": seen, "digest": digest}).encode())
            except OSError as error:
                _log.warning("The digest of %s could not be kept: %s", file, error)
        return digest


def _content_digest(file: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _read_note(note: Path) -> dict[str, Any] | None:
    try:
        known = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return None  # absent or damaged: it is derived data, made again
    return known if isinstance(known, dict) and isinstance(known.get("digest"), str) else None
