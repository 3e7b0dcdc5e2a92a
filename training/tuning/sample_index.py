"""Some products of an index in an index of their own, to try another encoder without touching what serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from multirecall.core.errors import EngineError
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.engines.base import Engine, IndexedProduct, IndexInfo, Upsert
from multirecall.engines.schema import Schema, VectorField
from multirecall.indexer.applying import product_of_record
from multirecall.indexer.copying import COPIED_FIELDS, mapping_of
from multirecall.indexer.mapping import Mapping
from multirecall.indexer.projection import to_record
from multirecall.indexer.texts import vector_fingerprint

__all__ = ["copy_sample"]

_BATCH = 256


def copy_sample(
    source: Engine,
    index: IndexInfo,
    ids: Sequence[str],
    target: Engine,
    *,
    encoder: Encoder | None = None,
    advance: Callable[[], None] = lambda: None,
) -> int:
    """Writes the products into a new live index of `target` and returns how many they are.

    With an `encoder` their vectors are made by it; without one they are those of the index. An index that is live there
    already is taken as it is: it goes live when it is whole. Blocks, in bounded memory.
    Raises EngineError for a product that does not go in, and what engines and encoders raise.
    """
    whole = next((info for info in target.indexes() if info.live), None)
    if whole is not None:
        return whole.count
    mapping = mapping_of(index)
    schema = _schema(index.schema, target, encoder, mapping)
    new = target.create(schema)
    writes = _upserts(source, index, ids, schema, mapping, encoder)
    for result in target.write(writes, index=new):
        if not result.ok:
            raise EngineError(f"Product {result.id!r} did not go into the sample: {result.error}.", engine=target.url)
        advance()
    target.refresh(index=new)
    target.swap(new)
    return target.count(index=new)


def _schema(schema: Schema, target: Engine, encoder: Encoder | None, mapping: Mapping) -> Schema:
    kinds = target.capabilities.vector_indexes
    kind = "int8_hnsw" if "int8_hnsw" in kinds else kinds[0]
    if encoder is None:
        return replace(schema, vectors=tuple(replace(one, index=kind) for one in schema.vectors))
    mark = vector_fingerprint(encoder, str(mapping.template))
    field = VectorField(
        name=schema.vectors[0].name if schema.vectors else "dense",
        dim=encoder.dim,
        encoder=encoder.spec,
        fingerprint=mark,
        index=kind,
    )
    return replace(schema, vectors=(field,))


def _upserts(
    source: Engine, index: IndexInfo, ids: Sequence[str], schema: Schema, mapping: Mapping, encoder: Encoder | None
) -> Iterator[Upsert]:
    numeric = frozenset(mapping.numeric_attributes)
    names = [one.name for one in schema.vectors]
    fields = (*COPIED_FIELDS, *(() if encoder is not None else (f"vectors.{name}" for name in names)))
    for start in range(0, len(ids), _BATCH):
        found = [one for one in source.fetch(ids[start : start + _BATCH], fields, index=index.name) if one is not None]
        made = [
            to_record(
                product_of_record(one),
                template=mapping.template,
                language=schema.language,
                numeric_attributes=numeric,
            )
            for one in found
        ]
        if encoder is not None:
            rows = encoder.encode_products([text for _, text in made])
            vectors = [{names[0]: row} if row.any() else {} for row in rows]
        else:
            vectors = [
                {name: _vector(held) for name in names if (held := one.get(f"vectors.{name}")) is not None}
                for one in found
            ]
        for (record, _), of in zip(made, vectors, strict=True):
            yield Upsert(product=IndexedProduct(id=record["id"], fields=record, vectors=of))


def _vector(held: Sequence[float]) -> Float32Array:
    return np.asarray(held, dtype=np.float32)
