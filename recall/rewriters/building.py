"""Builds the folder that rewriters learn from: one pass over a catalogue, and judgments if there are any."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Engine
from multirecall.recall.rewriters.artefact import SYNONYMS_FILE, write_rows, write_vocabulary
from multirecall.recall.rewriters.mining import BracketMiner, Judged, MinedSynonym, mine_judgments
from multirecall.recall.rewriters.vocabulary import VOCABULARY_FIELDS, learn_vocabulary

__all__ = ["BuiltRewriters", "build_rewriters"]

_HEAD = (
    "# Read as: the first is replaced by the second; confidence 0 to 1; who says so (brackets, judgments, or you).",
    "# A row with another last word than those two is yours: it stays when this is built again. A row behind a # is",
    "# switched off, and stays so.",
)
_MINED = frozenset({"brackets", "judgments"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltRewriters:
    """What was learned: counts, and the folder's fingerprint."""

    folder: str
    products: int
    words: int
    pairs: int
    brands: int
    codes: int
    synonyms: int
    synonyms_kept: int
    took_s: float
    fingerprint: str


def build_rewriters(
    engine: Engine, folder: Path, *, index: str | None = None, judged: Iterable[Judged] = ()
) -> BuiltRewriters:
    """Reads every product of the index (the live one) and writes the folder; in bounded memory.

    Rows of `synonyms.tsv` that people wrote or switched off stay. Raises InvalidInput for an index without products,
    and what the engine raises; the folder of before stays as it was in both cases.
    """
    began = time.monotonic()
    miner = BracketMiner()
    vocabulary = learn_vocabulary(miner.hear(engine.scan(VOCABULARY_FIELDS, index=index)))
    if not vocabulary.n_products:
        raise InvalidInput(
            "The index holds no product to learn from.", hint="Index a catalogue first: multirecall index FILES."
        )
    synonyms = (*miner.found(), *mine_judgments(judged, vocabulary))
    built = BuiltRewriters(
        folder=str(folder),
        products=vocabulary.n_products,
        words=len(vocabulary.words),
        pairs=len(vocabulary.pairs),
        brands=len(vocabulary.brands),
        codes=len(vocabulary.codes),
        synonyms=0,
        synonyms_kept=0,
        took_s=0.0,
        fingerprint=vocabulary.fingerprint,
    )
    folder.mkdir(parents=True, exist_ok=True)
    n_synonyms, n_kept = _write_synonyms(folder / SYNONYMS_FILE, synonyms)
    built = replace(built, synonyms=n_synonyms, synonyms_kept=n_kept, took_s=round(time.monotonic() - began, 1))
    card: Mapping[str, Any] = {
        **{key: value for key, value in asdict(built).items() if key not in ("folder", "products", "fingerprint")},
        "index": engine.info(index=index).name,
        "built_at": round(time.time()),
    }
    write_vocabulary(vocabulary, folder, card)
    return built


def _write_synonyms(path: Path, mined: Sequence[MinedSynonym]) -> tuple[int, int]:
    """How many rows were mined and how many were kept of the old file."""
    kept, switched_off = _by_people(path)
    fixed = {tuple(row[:2]) for row in kept} | {tuple(row[:2]) for row in switched_off}
    rows = [
        [one.said, one.meant, str(one.confidence), one.source] for one in mined if (one.said, one.meant) not in fixed
    ]
    off = [[f"# {row[0]}", *row[1:]] for row in switched_off]
    write_rows(path, [*([line] for line in _HEAD), *off, *kept, *rows])
    return len(rows), len(kept)


def _by_people(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """The rows that people added, and those that they switched off."""
    if not path.is_file():
        return [], []
    kept, switched_off = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = line.removeprefix("#").strip().split("\t")
        if len(row) == 4:
            if line.startswith("#"):
                switched_off.append(row)
            elif row[3] not in _MINED:
                kept.append(row)
    return kept, switched_off
