"""Folder: one alias and its physical indexes on disk.

engine.json            says what the folder is, and the alias
current                the name of the live index, replaced in one step
<alias>-000001/ …      physical indexes (index.py)
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import orjson

from multirecall.core.errors import IndexCorrupt, InvalidSettings, NotFound
from multirecall.engines.embedded.storage import storage_errors, sync_folder, write_atomically

__all__ = ["Folder"]

_FORMAT = 1
_MARK = "engine.json"
_ALIAS = re.compile(r"[a-z0-9][a-z0-9_-]{0,199}")


class Folder:
    """Paths and names; holds no lock and no open file."""

    def __init__(self, path: Path, alias: str) -> None:
        self.path, self.alias = path, alias
        self._pointer = path / "current"
        self._numbered = re.compile(re.escape(alias) + r"-(\d{6,})")
        self._seen: tuple[tuple[int, int], str] | None = None

    @classmethod
    def open(cls, path: Path, alias: str, *, create: bool) -> Folder:
        """Raises NotFound if there is nothing (and `create` is off), InvalidSettings if it is something else."""
        if not _ALIAS.fullmatch(alias):
            raise InvalidSettings(f"The index name {alias!r} must match {_ALIAS.pattern}.", field="engine")
        if path.exists() and not path.is_dir():
            raise InvalidSettings(
                f"{path} is a file; the embedded engine needs a folder.", hint="Write embedded:FOLDER.", field="engine"
            )
        mark = path / _MARK
        if not mark.exists():
            cls._make(path, alias, create=create)
        try:
            body = orjson.loads(mark.read_bytes())
            found, layout = body["alias"], body["format"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise IndexCorrupt(
                f"The file {mark} is damaged ({error}).", hint="Restore the folder from a copy.", path=str(mark)
            ) from error
        if layout != _FORMAT:
            raise InvalidSettings(
                f"The folder {path} has layout {layout!r}, this version reads layout {_FORMAT}.",
                hint="Index the catalogue again, into another folder.",
                field="engine",
            )
        if found != alias:
            raise InvalidSettings(
                f"The folder {path} holds the index {found!r}, not {alias!r}.",
                hint="Use another folder.",
                field="engine",
            )
        return cls(path, alias)

    @staticmethod
    def _make(path: Path, alias: str, *, create: bool) -> None:
        there = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")] if path.exists() else []
        if there:
            raise InvalidSettings(
                f"{path} is no folder of the embedded engine: it holds {there[0]!r} and no {_MARK}.",
                hint="Name an empty folder, a new one, or one that `multirecall index` made.",
                field="engine",
            )
        if not create:
            raise NotFound(
                f"There is no index in {path}.",
                hint=f"Make one: multirecall index CATALOGUE --engine embedded:{path}",
                path=str(path),
            )
        with storage_errors(path, "creating the folder"):
            path.mkdir(parents=True, exist_ok=True)
            write_atomically(path / _MARK, orjson.dumps({"format": _FORMAT, "alias": alias}))

    def names(self) -> list[str]:
        """All physical indexes, by number."""
        numbers = [
            (int(found[1]), entry.name)
            for entry in self.path.iterdir()
            if (found := self._numbered.fullmatch(entry.name))
        ]
        return [name for _, name in sorted(numbers)]

    def next_name(self) -> str:
        """One above the highest number there is."""
        numbers = [int(name.rpartition("-")[2]) for name in self.names()]
        return f"{self.alias}-{max(numbers, default=0) + 1:06d}"

    def live(self) -> str | None:
        """The live index; costs one look at the pointer while nothing changed."""
        try:
            stat = self._pointer.stat()
        except FileNotFoundError:
            return None
        signature = (stat.st_ino, stat.st_mtime_ns)
        seen = self._seen
        if seen is not None and seen[0] == signature:
            return seen[1]
        name = self._pointer.read_text(encoding="utf-8").strip()
        if not self._numbered.fullmatch(name):
            raise IndexCorrupt(
                f"The file {self._pointer} names no index: {name!r:.80}.",
                hint=f"Write one of these names into it: {', '.join(self.names()) or 'none is there'}.",
                path=str(self._pointer),
            )
        self._seen = (signature, name)
        return name

    def point_to(self, name: str) -> None:
        """Makes an index the live one, in one step for all processes."""
        with storage_errors(self._pointer, "swapping the alias"):
            write_atomically(self._pointer, name.encode())

    def remove(self, name: str) -> None:
        """Takes an index away in one step, then frees its space."""
        gone = self.path / f".dropped-{name}"
        with storage_errors(self.path / name, "dropping the index"):
            shutil.rmtree(gone, ignore_errors=True)
            (self.path / name).rename(gone)
            sync_folder(self.path)
            shutil.rmtree(gone)
