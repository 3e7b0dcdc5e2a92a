"""An FM-index on disk: a file per segment, named by its checksum, and a manifest that is replaced in one step.

    manifest.json               kind, version, vocabulary, files of the segments in order, and a checksum over these
    <checksum>.safetensors      a segment, or the deleted ordinals of one (`array_file.py`)

Saving again writes only what is new. Whoever has an index open keeps what it reads: files that a manifest of before
named stay until the next one but one. One process writes at a time.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.core.errors import IndexCorrupt, NotFound
from multirecall.encoders.storing import write_atomically
from multirecall.recall.array_file import digest_of, open_arrays, write_arrays
from multirecall.recall.fm_index.index import FMIndex, Part
from multirecall.recall.fm_index.segment import Int32Array, Segment

__all__ = ["MANIFEST", "open_fm_index", "save_fm_index"]

MANIFEST = "manifest.json"
_KIND, _VERSION = "fm_index", 1
_DEAD, _DEAD_VERSION = "fm_index_deleted", 1


def save_fm_index(index: FMIndex, folder: Path) -> None:
    """Writes the index into the folder, made if need be; what was there is replaced. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    before = _files(_read(folder)) if (folder / MANIFEST).exists() else set()
    rows = []
    for part in index.parts:
        row = {"segment": part.segment.digest, "deleted": ""}
        if not _file(folder, part.segment.digest).exists():
            part.segment.save(_file(folder, part.segment.digest))
        if len(part.dead):
            row["deleted"] = _save_dead(part.dead, folder)
        rows.append(row)
    body = {"kind": _KIND, "version": _VERSION, "vocab": index.vocab, "parts": rows}
    write_atomically(folder / MANIFEST, json.dumps(body | {"sha256": _digest(body)}, indent=1).encode())
    named = {f"{digest}.safetensors" for row in rows for digest in row.values()}
    for file in folder.glob("*.safetensors"):
        if file.name not in named | before:
            file.unlink(missing_ok=True)


def open_fm_index(folder: Path, *, known: FMIndex | None = None) -> FMIndex:
    """The index in this folder, mapped; its files are read once for their checksums (a second per gigabyte).

    Segments of `known`, an index that is open already, are taken over and not read again: after an addition that leaves
    only the new ones. Raises NotFound for a folder without an index; IndexCorrupt, which names the file, for one that
    is not whole.
    """
    body = _read(folder)
    parts = []
    taken_over = {part.segment.digest: part.segment for part in (known.parts if known is not None else ())}
    for row in body["parts"]:
        segment = taken_over.get(row["segment"]) or Segment.open(_named(folder, row["segment"]))
        _check_digest(folder, row["segment"], segment.digest)
        dead: Int32Array = np.zeros(0, np.int32)
        if row["deleted"]:
            found = open_arrays(_named(folder, row["deleted"]), kind=_DEAD, version=_DEAD_VERSION)
            _check_digest(folder, row["deleted"], found.digest)
            dead = found.arrays["titles"]
        parts.append(Part(segment, dead))
    return FMIndex(parts, vocab=body["vocab"])


def _save_dead(dead: Int32Array, folder: Path) -> str:
    arrays, card = {"titles": np.ascontiguousarray(dead)}, {"kind": _DEAD, "version": _DEAD_VERSION}
    digest = digest_of(arrays, card)
    if not _file(folder, digest).exists():
        write_arrays(_file(folder, digest), arrays, card)
    return digest


def _read(folder: Path) -> dict[str, Any]:
    """The manifest. Raises NotFound or IndexCorrupt."""
    path = folder / MANIFEST
    try:
        body: dict[str, Any] = json.loads(path.read_bytes())
        whole = body.pop("sha256") == _digest(body)
    except FileNotFoundError:
        raise NotFound(f"There is no FM-index in {folder}.", hint="Build it first.", path=str(folder)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        whole, body = False, {}
    if not whole or (body.get("kind"), body.get("version")) != (_KIND, _VERSION):
        why = "does not have its checksum" if not whole else f"is not of version {_VERSION}"
        raise IndexCorrupt(
            f"The manifest {path} cannot be used: it {why}.", hint="Build the FM-index again.", path=str(path)
        )
    return body


def _files(body: dict[str, Any]) -> set[str]:
    return {f"{digest}.safetensors" for row in body["parts"] for digest in row.values() if digest}


def _named(folder: Path, digest: str) -> Path:
    file = _file(folder, digest)
    if not file.exists():
        raise IndexCorrupt(
            f"The FM-index in {folder} lacks its file {file.name}.", hint="Build the FM-index again.", path=str(file)
        )
    return file


def _check_digest(folder: Path, named: str, found: str) -> None:
    if named != found:
        path = str(_file(folder, named))
        raise IndexCorrupt(
            f"The file {path} is another one than its name says.", hint="Build the FM-index again.", path=path
        )


def _file(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.safetensors"


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
