"""Schema to index settings and mappings: the same for both servers but for the vector fields."""

from __future__ import annotations

from typing import Any

from multirecall.core.errors import IndexCorrupt, InvalidSettings, UnsupportedFeature
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from multirecall.engines.schema import Schema
from multirecall.engines.servers.analysis import TEXT_ANALYZER, TEXT_SIMILARITY, analysis_settings
from multirecall.engines.servers.binary import BINARY_FIELDS
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.names import escaped
from multirecall.engines.servers.tombstones import TOMBSTONE_FIELDS

__all__ = ["index_body", "live_settings", "stored_schema"]

_META = "multirecall"

_TEXT = {"type": "text", "analyzer": TEXT_ANALYZER, "similarity": TEXT_SIMILARITY}
_KEYWORD = {"type": "keyword", "ignore_above": MAX_KEYWORD_CHARS}
_STORED = {"type": "keyword", "index": False, "doc_values": False}
# Without coercion "12" and 12.7 are refused instead of being stored as another number than the one sent.
_WHOLE_NUMBER = {"type": "long", "coerce": False}
_NUMBER = {"type": "double", "coerce": False}


def index_body(schema: Schema, dialect: Dialect, *, shards: int) -> dict[str, Any]:
    """The body that creates an index for bulk loading: no replicas, and refreshed only when we say so.

    Raises UnsupportedFeature for a vector index the server does not have, and InvalidSettings for an attribute
    without a name.
    """
    for field in schema.vectors:
        if field.index not in dialect.vector_indexes:
            raise UnsupportedFeature(
                f"{dialect.product} has no vector index {field.index!r} (vector field {field.name!r}).",
                hint=f"Use one of: {', '.join(dialect.vector_indexes)}.",
                field="vectors",
            )
    if "" in schema.numeric_attributes:
        raise InvalidSettings("A numeric attribute needs a name.", field="numeric_attributes")
    return {
        "settings": {
            "index": {
                "number_of_shards": shards,
                "number_of_replicas": 0,
                "refresh_interval": "-1",
                **dialect.index_settings,
            },
            **analysis_settings(schema.language),
        },
        "mappings": {
            "dynamic": "strict",
            "_meta": {_META: {"fingerprint": schema.fingerprint, "schema": schema.to_dict()}},
            "properties": _properties(schema, dialect),
        },
    }


def _properties(schema: Schema, dialect: Dialect) -> dict[str, Any]:
    searched_keyword = {**_KEYWORD, "fields": {"text": _TEXT}}
    properties: dict[str, Any] = {
        "id": {"type": "keyword"},
        "title": _TEXT,
        "description": _TEXT,
        "attributes_text": _TEXT,
        "brand": searched_keyword,
        "category": searched_keyword,
        # A keyword scores by BM25 too (rare codes count more, no length norm), and can be filtered and counted.
        "codes": {**_KEYWORD, **dialect.scored_keyword},
        "currency": _KEYWORD,
        "attribute_pairs": _KEYWORD,
        "attribute_names": _KEYWORD,
        "price_minor": _WHOLE_NUMBER,
        "version": _WHOLE_NUMBER,
        "popularity": _NUMBER,
        "updated_at": _NUMBER,
        "in_stock": {"type": "boolean"},
        # Only a column: the words of hundreds of hits come from there, not from the stored products.
        **{name: {"type": "binary", "doc_values": True} for name in BINARY_FIELDS},
        "attributes": {"type": "object", "enabled": False},
        "attribute_numbers": {
            "dynamic": False,
            "properties": {escaped(name): _NUMBER for name in schema.numeric_attributes},
        },
        **({"labels": _KEYWORD} if schema.labels else {}),
        **TOMBSTONE_FIELDS,
        **{name: _STORED for name in ("category_path", "identifiers", "url", "image_url", "content_hash")},
    }
    if schema.vectors:
        properties["vectors"] = {
            "dynamic": "strict",
            "properties": {field.name: dialect.vector_mapping(field) for field in schema.vectors},
        }
    return properties


def live_settings() -> dict[str, Any]:
    """What changes when the index goes live: a copy on a second node, if the cluster has one.

    The refresh interval stays at "only when told": a write becomes visible with `refresh`, not before, as the
    Engine contract says.
    """
    return {"index": {"auto_expand_replicas": "0-1"}}


def stored_schema(index: str, meta: dict[str, Any] | None) -> Schema:
    """The schema kept in an index's mapping. Raises IndexCorrupt if there is none or it was changed by hand."""
    held = (meta or {}).get(_META)
    if held is None:
        raise IndexCorrupt(
            f"Index {index!r} was not made by multirecall: its mapping holds no schema.",
            hint="Choose another name, or delete that index.",
            index=index,
        )
    schema = Schema.from_dict(held["schema"])
    if schema.fingerprint != held["fingerprint"]:
        raise IndexCorrupt(
            f"The schema kept in index {index!r} does not match its fingerprint.",
            hint="Index the catalogue again.",
            index=index,
            expected=held["fingerprint"],
            found=schema.fingerprint,
        )
    return schema
