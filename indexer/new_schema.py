"""What a new index is made with: the mapping that reads the catalogue, and the schema that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import InvalidSource
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine
from multirecall.engines.schema import Schema, VectorField
from multirecall.indexer import mapping as mappings
from multirecall.indexer.records import field_names
from multirecall.indexer.sources.base import BrokenRow, RowSource
from multirecall.indexer.suggest import Suggestion, suggest_mapping
from multirecall.indexer.texts import vector_fingerprint
from multirecall.recall.labelling import Labeller, label_field

__all__ = ["IndexShape", "new_schema", "settled_mapping"]


def settled_mapping(
    source: RowSource, mapping: mappings.Mapping | None, sample_rows: int
) -> tuple[mappings.Mapping, Suggestion | None]:
    """The mapping to use, and the suggestion if it is one.

    Raises InvalidSource for a source without a readable row, InvalidMapping for a mapping that does not fit it.
    """
    sample = source.sample(sample_rows)
    if not sample:
        first = next((row for row in source.rows()), None)
        broken = f"; the first: {first.reason} ({first.file})" if isinstance(first, BrokenRow) else ""
        raise InvalidSource(
            f"No product could be read from {', '.join(source.names[:3])}{broken}.",
            hint="Check the format of the file and its header.",
            field="source",
        )
    if mapping is None:
        suggestion = suggest_mapping(sample)
        return suggestion.mapping, suggestion
    present = dict.fromkeys(name for record in sample for name in field_names(record))
    looked_at = "the source" if source.fixed_columns else f"the source (in the first {len(sample):,} rows)"
    mapping.check_fields(present, looked_at)
    return mapping, None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexShape:
    """How vectors are indexed. `vector_index` None: int8_hnsw where the engine has it, else its first kind."""

    vector_index: str | None = None
    m: int = 16
    ef_construction: int = 128


def new_schema(
    engine: Engine,
    mapping: mappings.Mapping,
    encoders: Mapping[str, Encoder],
    shape: IndexShape,
    *,
    labellers: Sequence[Labeller] = (),
    suggested: bool,
    sources: Sequence[str],
    mark: Mapping[str, Any],
) -> Schema:
    """The schema of an index that `mapping`, `encoders` (by vector field) and `labellers` fill.

    `mark` says who builds it. Raises what `Labeller.check` raises.
    """
    kinds = engine.capabilities.vector_indexes
    kind = shape.vector_index or ("int8_hnsw" if "int8_hnsw" in kinds or not kinds else kinds[0])
    text_template = str(mapping.template)
    made = Schema(
        language=mapping.language,
        vectors=tuple(
            VectorField(
                name=name,
                dim=encoder.dim,
                encoder=encoder.spec,
                fingerprint=vector_fingerprint(encoder, text_template),
                index=kind,
                m=shape.m,
                ef_construction=shape.ef_construction,
            )
            for name, encoder in encoders.items()
        ),
        numeric_attributes=mapping.numeric_attributes,
        labels=tuple(label_field(labeller) for labeller in labellers),
        metadata={
            "mapping": mapping.to_dict(),
            "mapping_suggested": suggested,
            "text_template": text_template,
            "sources": list(sources[:100]),
            "build": dict(mark),
        },
    )
    for labeller in labellers:
        labeller.check(made)
    return made
