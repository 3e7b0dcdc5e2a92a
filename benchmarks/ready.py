"""The Icecat products ready to be written: records and vectors made, so that only writing and searching is measured."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import IndexedProduct
from multirecall.engines.schema import Schema, VectorField
from multirecall.indexer.preparing import prepared_batches
from multirecall.indexer.rows import RowReader
from multirecall.indexer.sources import Catalogue
from multirecall.indexer.suggest import suggest_mapping

__all__ = ["Ready", "data_folder", "ready_products"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Products with one vector each (field `dense`), the schema they fit, and queries to ask of them."""

    schema: Schema
    products: tuple[IndexedProduct, ...]
    queries: tuple[str, ...]
    encoder: Encoder


def data_folder() -> Path:
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
    return Path(os.environ.get("MULTIRECALL_DATA", default)) / "icecat"


def ready_products(*, encoder_spec: str, vector_index: str, limit: int | None = None) -> Ready:
    """Reads the whole catalogue, as `multirecall index` would, and encodes it (minutes with `onnx`)."""
    folder = data_folder()
    source = Catalogue(sorted(folder.glob("*.json.zip")))
    mapping = suggest_mapping(source.sample(2000)).mapping
    encoder = open_encoder(encoder_spec)
    products: list[IndexedProduct] = []
    for batch in prepared_batches(source, RowReader(mapping), 1000):
        vectors = encoder.encode_products([made.text for made in batch.products])
        products += [
            IndexedProduct(
                id=made.upsert.id,
                fields=made.upsert.product.fields,
                vectors={"dense": vector} if vector.any() else {},
            )
            for made, vector in zip(batch.products, vectors, strict=True)
        ]
        if limit is not None and len(products) >= limit:
            break
    field = VectorField(
        name="dense", dim=encoder.dim, encoder=encoder.spec, fingerprint=encoder.fingerprint, index=vector_index
    )
    with (folder / "queries.tsv").open(encoding="utf-8") as lines:
        queries = tuple(row["query"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    schema = Schema(language=mapping.language, vectors=(field,), numeric_attributes=mapping.numeric_attributes)
    return Ready(schema=schema, products=tuple(products[:limit]), queries=queries, encoder=encoder)
