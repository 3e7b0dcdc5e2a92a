"""The folder of `multirecall rewriters build`: what was learned, as files that people can read and edit.

    card.json       format, number of products, when and of what it was learned
    words.tsv       word, products, products with it in title, brand or category
    pairs.tsv       left word, right word, products
    brands.tsv      brand, products
    codes.txt       one part number a line
    kinds.tsv       name of a lowest category, products   (folders of before have none)
    synonyms.tsv    from, to, confidence, source      (`mining.py`)

A line may be added or deleted by hand; the fingerprint is over what is read, not over what was learned.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidSettings
from multirecall.recall.rewriters.vocabulary import Vocabulary

__all__ = [
    "FORMAT",
    "SYNONYMS_FILE",
    "holds_vocabulary",
    "read_card",
    "read_vocabulary",
    "rows_of",
    "write_rows",
    "write_vocabulary",
]

FORMAT = 1
SYNONYMS_FILE = "synonyms.tsv"
_CARD = "card.json"
_AGAIN = "Build it again: multirecall rewriters build --out FOLDER."


def write_vocabulary(vocabulary: Vocabulary, folder: Path, card: Mapping[str, Any]) -> None:
    """Writes the folder; the card comes last, so that one that was broken off is not taken for a whole one.

    Rows are in order of count descending, then word, so that two of the same catalogue are the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _CARD).unlink(missing_ok=True)
    ranked = sorted(vocabulary.words.items(), key=lambda item: (-item[1], item[0]))
    write_rows(folder / "words.tsv", ((word, count, vocabulary.named.get(word, 0)) for word, count in ranked))
    pairs = sorted(vocabulary.pairs.items(), key=lambda item: (-item[1], item[0]))
    write_rows(folder / "pairs.tsv", ((*pair, count) for pair, count in pairs))
    write_rows(folder / "brands.tsv", sorted(vocabulary.brands.items(), key=lambda item: (-item[1], item[0])))
    write_rows(folder / "codes.txt", ((code,) for code in sorted(vocabulary.codes)))
    write_rows(folder / "kinds.tsv", sorted(vocabulary.kinds.items(), key=lambda item: (-item[1], item[0])))
    body = {"format": FORMAT, "products": vocabulary.n_products, "fingerprint": vocabulary.fingerprint, **card}
    _replace(folder / _CARD, json.dumps(body, indent=1, ensure_ascii=False) + "\n")


def holds_vocabulary(folder: Path) -> bool:
    """Whether something was learned into this folder."""
    return (folder / _CARD).is_file()


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the folder. Raises InvalidSettings for a folder that holds none, or one of another format."""
    path = folder / _CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise InvalidSettings(
            f"{folder} is no folder of rewriters: cannot read {path.name}: {reason}.", hint=_AGAIN, field="rewriter_dir"
        ) from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise InvalidSettings(
            f"The rewriters in {folder} have another format than {FORMAT}, the one this version reads.",
            hint=_AGAIN,
            field="rewriter_dir",
        )
    return card


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of the folder. Raises InvalidSettings that names the file and the line."""
    card = read_card(folder)
    words = list(rows_of(folder / "words.tsv", "snz"))
    kinds = folder / "kinds.tsv"
    return Vocabulary(
        words={word: int(count) for word, count, _ in words},
        named={word: int(count) for word, _, count in words if count != "0"},
        pairs={(left, right): int(count) for left, right, count in rows_of(folder / "pairs.tsv", "ssn")},
        brands={brand: int(count) for brand, count in rows_of(folder / "brands.tsv", "sn")},
        codes=frozenset(code for (code,) in rows_of(folder / "codes.txt", "s")),
        kinds={kind: int(count) for kind, count in rows_of(kinds, "sn")} if kinds.exists() else {},
        n_products=int(card.get("products", 0)),
    )


def write_rows(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """One line per row, columns joined by tabs; an old file stays until the new one is whole."""
    _replace(path, "".join("\t".join(map(str, row)) + "\n" for row in rows))


def rows_of(path: Path, columns: str) -> Iterator[list[str]]:
    """The rows of a TSV file, without empty lines and those that begin with `#`.

    `columns` says what each holds: `s` a text that is not empty, `n` a whole number above 0, `z` one of 0 or more,
    `p` a probability. Raises InvalidSettings with the number of the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSettings(f"Cannot read {path}: {reason}.", hint=_AGAIN, field="rewriter_dir") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        row = line.split("\t")
        if len(row) != len(columns) or not all(map(_fits, row, columns)):
            raise InvalidSettings(
                f"{path}, line {number}: wanted {len(columns)} columns joined by tabs "
                f"({', '.join(_WANTED[column] for column in columns)}), got {line[:120]!r}.",
                hint=f"Correct the line, or: {_AGAIN[0].lower()}{_AGAIN[1:]}",
                field="rewriter_dir",
            )
        yield row


_WANTED = {"s": "a text", "n": "a whole number above 0", "z": "a whole number", "p": "a number from 0 to 1"}


def _fits(value: str, column: str) -> bool:
    if column in "nz":
        return value.isdecimal() and (column == "z" or int(value) > 0)
    if column == "p":
        try:
            return 0.0 <= float(value) <= 1.0
        except ValueError:
            return False
    return bool(value.strip())


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8", errors="surrogatepass")
    os.replace(part, path)
