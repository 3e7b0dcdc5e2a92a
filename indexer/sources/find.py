"""From what the user typed (files, folders, patterns) to the list of files."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from multirecall.core.errors import InvalidSource

__all__ = ["SUFFIXES", "find_files", "format_of_name"]

SUFFIXES = {
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
"""File name ending to format; `.gz` and `.zip` may follow."""

_COMPRESSIONS = (".gz", ".zip")


def format_of_name(name: str) -> str | None:
    """The format that a file name tells (`json`, `jsonl`, `csv`, `parquet`), or None."""
    path = Path(name.lower())
    if path.suffix in _COMPRESSIONS:
        path = path.with_suffix("")
    return SUFFIXES.get(path.suffix)


def find_files(sources: Sequence[str | Path]) -> list[Path]:
    """The catalogue files behind files, folders and patterns, each once; within a folder or pattern by name.

    A folder stands for its catalogue files (not those of its subfolders), if they are all of one format.
    Raises InvalidSource for a name that leads to no file, and for a folder that mixes formats: which of them are
    the catalogue is for the user to say.
    """
    if not sources:
        raise InvalidSource("No source was given.", hint="Name files, a folder or a pattern.", field="source")
    found: dict[Path, None] = {}
    for source in sources:
        for path in _expand(str(source)):
            found.setdefault(path)
    return list(found)


def _expand(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        return _files_of(path)
    if path.exists():
        return [path]
    if glob.has_magic(source):
        matches = sorted(Path(p) for p in glob.glob(str(path), recursive=True) if Path(p).is_file())
        if matches:
            return matches
        raise InvalidSource(f"No file matches {source!r}.", hint="Check the pattern.", field="source", file=source)
    raise InvalidSource(f"The file {source!r} does not exist.", hint="Check the path.", field="source", file=source)


def _files_of(folder: Path) -> list[Path]:
    try:
        entries = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        raise InvalidSource(f"The folder {folder} cannot be read: {error.strerror}.", file=str(folder)) from error
    by_format: dict[str, list[Path]] = {}
    for entry in entries:
        kind = format_of_name(entry.name)
        if kind is not None:
            by_format.setdefault("json" if kind == "jsonl" else kind, []).append(entry)
        elif entry.suffix.lower() == ".zip":  # the members tell the format
            by_format.setdefault("json", []).append(entry)
    if not by_format:
        raise InvalidSource(
            f"The folder {folder} holds no catalogue file.",
            hint=f"Known endings: {', '.join(SUFFIXES)}, each also with .gz or .zip.",
            field="source",
            file=str(folder),
        )
    if len(by_format) > 1:
        kinds = "; ".join(f"{kind}: {', '.join(p.name for p in files[:3])}" for kind, files in by_format.items())
        raise InvalidSource(
            f"The folder {folder} holds files of several formats ({kinds}).",
            hint=f"Name the catalogue's files, for example '{folder}/{_pattern(by_format)}'.",
            field="source",
            file=str(folder),
        )
    return next(iter(by_format.values()))


def _pattern(by_format: dict[str, list[Path]]) -> str:
    largest = max(by_format.values(), key=lambda files: sum(p.stat().st_size for p in files))
    return "*" + "".join(largest[0].suffixes[-2:])
