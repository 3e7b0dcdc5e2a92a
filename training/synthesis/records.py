"""Records of synthetic pairs, and the journal that holds what became of each query: append-only, resumable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, TypeVar

import orjson

from multirecall.core.errors import InvalidSettings, InvalidSource
from multirecall.encoders.storing import write_atomically
from multirecall.training.dense.pairs import Pair

__all__ = [
    "SOURCE",
    "Journal",
    "Settled",
    "SyntheticPair",
    "query_hash",
    "read_pairs",
    "training_pairs",
    "write_pairs",
]

SOURCE = "syn"

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticPair:
    """A query as somebody would type it, and a product that answers it. The pair to learn from is (x, p).

    `y_used` is the rewriting that found the product, `by` who made it: provenance, never a text to train on. `j` is the
    judged probability that it keeps the intent, `b` and `s` are what the two scorers say of (x, p).
    """

    x: str
    p: str
    y_used: str
    by: str
    j: float
    b: float
    s: float
    type: str

    def to_dict(self) -> dict[str, Any]:
        """The record as `pairs.jsonl` holds it."""
        scores = {"J": round(self.j, 4), "B": round(self.b, 4), "S": round(self.s, 4)}
        said = {"x": self.x, "p": self.p, "y_used": self.y_used, "by": self.by}
        return {**said, **scores, "type": self.type, "source": SOURCE}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> SyntheticPair:
        """Raises KeyError, TypeError or ValueError for a row that is no record."""
        if row["source"] != SOURCE:
            raise ValueError(f"its source is {row['source']!r}")
        texts = {name: row[name] for name in ("x", "p", "y_used", "by", "type")}
        if not all(isinstance(text, str) for text in texts.values()) or not texts["x"] or not texts["p"]:
            raise ValueError("x and p must be texts")
        return cls(**texts, j=float(row["J"]), b=float(row["B"]), s=float(row["S"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of one query: its pairs, or in `dropped` why it has none. `counts`: what it went through."""

    hash: str
    x: str
    type: str
    counts: Mapping[str, int]
    pairs: tuple[SyntheticPair, ...] = ()
    dropped: str = ""

    def to_dict(self) -> dict[str, Any]:
        """One line of the journal."""
        head = {"hash": self.hash, "x": self.x, "type": self.type, "dropped": self.dropped, "counts": dict(self.counts)}
        return {**head, "pairs": [pair.to_dict() for pair in self.pairs]}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Settled:
        """Raises KeyError, TypeError or ValueError for a row that is none."""
        head = {name: row[name] for name in ("hash", "x", "type", "dropped", "counts")}
        return cls(**head, pairs=tuple(SyntheticPair.from_dict(pair) for pair in row["pairs"]))


def query_hash(text: str, identity: str) -> str:
    """16 hex digits over a query and all that its pairs depend on: what is settled is not worked on again."""
    return sha256(f"{identity}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Journal:
    """`journal.jsonl` of a folder: one line per settled query, written when it is settled.

    For one process at a time. A line that a kill cut off is dropped when it is opened again.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises InvalidSettings if it cannot be written, InvalidSource for a line that is none of
        ours (naming it)."""
        self.file = folder / "journal.jsonl"
        self.settled: dict[str, Settled] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.file.exists():
                self._read()
            self._stream: IO[bytes] = self.file.open("ab")
        except OSError as error:
            raise InvalidSettings(f"Cannot write {self.file}: {error.strerror or error}.", field="out") from None

    def _read(self) -> None:
        content = self.file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            _log.warning("%s ends in a line that was cut off; its query is done again", self.file)
            write_atomically(self.file, whole)
        for number, line in enumerate(whole.splitlines(), start=1):
            one = _parsed(Settled.from_dict, line, self.file, number)
            self.settled[one.hash] = one

    def add(self, settled: Settled) -> None:
        """Keeps it: after this a kill does not lose it. A hash that is there already is not added again."""
        if settled.hash not in self.settled:
            self._stream.write(orjson.dumps(settled.to_dict(), option=orjson.OPT_APPEND_NEWLINE))
            self._stream.flush()
            self.settled[settled.hash] = settled

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._stream.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def write_pairs(pairs: Iterable[SyntheticPair], file: Path) -> None:
    """Writes the records in their order, whole or not at all. Raises OSError."""
    write_atomically(file, b"".join(orjson.dumps(one.to_dict(), option=orjson.OPT_APPEND_NEWLINE) for one in pairs))


def read_pairs(file: Path) -> Iterator[SyntheticPair]:
    """The records of a `pairs.jsonl`. Raises InvalidSource that names the line."""
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parsed(SyntheticPair.from_dict, line, file, number)
    except OSError as error:
        raise InvalidSource(f"Cannot read {file}: {error.strerror or error}.", field="pairs") from None


def training_pairs(records: Iterable[SyntheticPair]) -> list[Pair]:
    """What a retriever learns from: the query as typed and the product. No rewriting is in it."""
    return [Pair(query=record.x, product=record.p) for record in records]


def _parsed(parse: Callable[[Mapping[str, Any]], T], line: bytes, file: Path, number: int) -> T:
    try:
        return parse(orjson.loads(line))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidSource(
            f"{file} line {number} is no record of synthetic pairs: {error}.",
            hint="Let `multirecall synthesize` write it again.",
            field="pairs",
            line=number,
        ) from error
