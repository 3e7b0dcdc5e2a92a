"""The folder of semantic ids: codebooks, the rule that shortens ids, and the codes of the products they were made of.

    card.json               format, kind, encoder, categories, shortened tokens, digests of the files, what was reached
    codebooks.safetensors   centroids and prices per layer; the maps of an RQ-VAE; full codes that are settled
    codes.parquet           product id, and its full code per layer

A card that does not fit the files, a file cut short or changed by a bit: refused, with its name.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.encoders.fingerprint import fingerprint
from multirecall.encoders.storing import write_atomically
from multirecall.recall.semantic_ids.identifiers import SemanticIds
from multirecall.recall.semantic_ids.quantiser import Affine, Codebook, Codes, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening

__all__ = ["CODEBOOKS_FILE", "CODES_FILE", "FORMAT", "StoredIds", "open_semantic_ids", "write_semantic_ids"]

FORMAT = 1
CODEBOOKS_FILE, CODES_FILE = "codebooks.safetensors", "codes.parquet"
_CARD = "card.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredIds:
    """What a folder holds. `codes`: shape (n, L), full, in the order of `products`."""

    assigning: SemanticIds
    products: tuple[str, ...]
    codes: Codes
    fingerprint: str
    card: Mapping[str, Any] = field(default_factory=dict)


def write_semantic_ids(
    folder: Path, assigning: SemanticIds, products: Sequence[str], codes: Codes, card: Mapping[str, Any]
) -> str:
    """Writes the folder, the card last, and returns the fingerprint: equal for equal codebooks, rules and codes.

    `codes`: full codes of the products, shape (n, L). `card`: JSON values to keep beside (how it was trained, figures).
    Raises InvalidInput for codes that do not fit, OSError from the disk.
    """
    quantiser = assigning.quantiser
    if codes.shape != (len(products), len(quantiser.codebooks)) or (codes < 0).any():
        raise InvalidInput("There is one full code per product.", field="codes")
    files = {CODEBOOKS_FILE: _tensors(assigning), CODES_FILE: _table(products, codes)}
    body = {
        "format": FORMAT,
        "encoder": assigning.encoder,
        "sizes": list(quantiser.sizes),
        "maps": len(quantiser.encoder),
        "categories": dict(quantiser.categories),
        "shortening": {"layer": assigning.shortening.layer, "heads": sorted(assigning.shortening.heads)},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    made = fingerprint(body)
    (folder / _CARD).unlink(missing_ok=True)
    for name, content in files.items():
        write_atomically(folder / name, content)
    text = json.dumps({**body, "fingerprint": made, "card": dict(card)}, indent=1, ensure_ascii=False)
    write_atomically(folder / _CARD, (text + "\n").encode())
    return made


def open_semantic_ids(folder: Path) -> StoredIds:
    """Reads a folder. Raises InvalidSettings, with the file's name, for one that is missing or damaged."""
    card = _card(folder)
    files = {name: _checked(folder / name, digest) for name, digest in card["files"].items()}
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(files[CODEBOOKS_FILE])
        books = tuple(
            Codebook.of(tensors[f"centroids.{at}"], tensors[f"prices.{at}"]) for at in range(len(card["sizes"]))
        )
        maps = tuple(Affine(weights=tensors[f"weights.{at}"], bias=tensors[f"bias.{at}"]) for at in range(card["maps"]))
        rule = card["shortening"]
        settled = tuple(tensors["settled"].tolist())
        assigning = SemanticIds(
            quantiser=ResidualQuantiser(codebooks=books, encoder=maps, categories=card["categories"]),
            shortening=Shortening(layer=rule["layer"], heads=frozenset(rule["heads"]), settled=settled),
            encoder=card["encoder"],
        )
        products, codes = _read_table(files[CODES_FILE], len(books))
    except (KeyError, TypeError, ValueError, SafetensorError, InvalidInput) as error:
        raise _unusable(folder, f"its card and its files do not fit: {error}") from error
    return StoredIds(
        assigning=assigning, products=products, codes=codes, fingerprint=card["fingerprint"], card=card.get("card", {})
    )


def _tensors(assigning: SemanticIds) -> bytes:
    from safetensors.numpy import save

    tensors: dict[str, np.ndarray[Any, Any]] = {
        "settled": np.array(assigning.shortening.settled, dtype=np.int64).reshape(-1)
    }
    for at, book in enumerate(assigning.quantiser.codebooks):
        tensors |= {f"centroids.{at}": book.centroids, f"prices.{at}": book.prices}
    for at, one in enumerate(assigning.quantiser.encoder):
        tensors |= {f"weights.{at}": one.weights, f"bias.{at}": one.bias}
    return bytes(save({name: np.ascontiguousarray(held) for name, held in tensors.items()}))


def _table(products: Sequence[str], codes: Codes) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"id": pa.array(products, pa.string())}
    columns |= {f"layer_{at}": pa.array(column, pa.uint16()) for at, column in enumerate(codes.T, start=1)}
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body, compression="zstd")
    return body.getvalue()


def _read_table(content: bytes, layers: int) -> tuple[tuple[str, ...], Codes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowException as error:
        raise ValueError(f"{CODES_FILE}: {error}") from error
    columns = [table[f"layer_{at}"].to_numpy().astype(np.int32) for at in range(1, layers + 1)]
    return tuple(table["id"].to_pylist()), np.column_stack(columns)


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / _CARD).read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(folder, f"{_CARD} cannot be read: {error}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise _unusable(folder, f"{_CARD} has another format than {FORMAT}")
    parts = {name: held for name, held in card.items() if name not in ("fingerprint", "card")}
    files = card.get("files")
    if card.get("fingerprint") != fingerprint(parts) or not isinstance(files, dict):
        raise _unusable(folder, f"{_CARD} was changed after it was written")
    if missing := {CODEBOOKS_FILE, CODES_FILE} - set(files):
        raise _unusable(folder, f"{_CARD} does not name {', '.join(sorted(missing))}")
    return card


def _checked(file: Path, digest: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _unusable(file.parent, f"{file.name} cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise _unusable(file.parent, f"{file.name} is damaged: it is not the file that the card was written with")
    return content


def _unusable(folder: Path, why: str) -> InvalidSettings:
    return InvalidSettings(
        f"{folder} holds no semantic ids that can be used: {why}.", hint="Train them again.", field="semantic_ids"
    )
