"""Schema: what an index holds. Stored in the index with its fingerprint and compared at opening."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from multirecall.core.errors import InvalidSettings

__all__ = ["FORMAT", "LANGUAGES", "VECTOR_INDEXES", "LabelField", "Schema", "VectorField"]

FORMAT = 2
"""Number of the index layout; raised when fields or analysis change, so that old indexes are refused by name."""

LANGUAGES = ("english", "german", "french", "spanish", "italian", "dutch", "portuguese", "none")
"""Stemmers that every engine has. `none` keeps the folded lower-case words."""

VECTOR_INDEXES = ("hnsw", "int8_hnsw", "bbq_hnsw", "flat")
"""Vector index kinds. Engines without a kind raise UnsupportedFeature at `create`."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorField:
    """A vector field: one encoder's product vectors, rows of length 1, compared by cosine.

    `encoder` is the encoder's specification as the user wrote it (to reopen it), `fingerprint` that of the
    encoder with its text template: vectors of two fingerprints must never meet in one search.
    """

    name: str
    dim: int
    encoder: str
    fingerprint: str
    index: str = "int8_hnsw"
    m: int = 16
    ef_construction: int = 128

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidSettings(f"Vector field name {self.name!r} must match {_NAME.pattern}.", field="vectors")
        if not 1 <= self.dim <= 4096:
            raise InvalidSettings(f"Vector field {self.name!r}: dim must lie in 1..4096.", field="vectors")
        if self.index not in VECTOR_INDEXES:
            raise InvalidSettings(
                f"Vector field {self.name!r}: index {self.index!r} is none of {', '.join(VECTOR_INDEXES)}.",
                field="vectors",
            )
        if not 4 <= self.m <= 128 or not 8 <= self.ef_construction <= 2048:
            raise InvalidSettings(
                f"Vector field {self.name!r}: m must lie in 4..128 and ef_construction in 8..2048.",
                field="vectors",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelField:
    """One model's labels of products, such as semantic ids: values `<name>=<label>` of the keyword field `labels`.

    `labeller` is the model as the user wrote it (to reopen it), `fingerprint` that of the model with all that its
    labels depend on: labels of two fingerprints must never meet in one search.
    """

    name: str
    labeller: str
    fingerprint: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidSettings(f"Label field name {self.name!r} must match {_NAME.pattern}.", field="labels")

    def value(self, label: str) -> str:
        """A label as the field `labels` holds it."""
        return f"{self.name}={label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Text analysis, vector fields, label fields and typed attributes of one physical index.

    `numeric_attributes` are the attribute names that get a numeric field of their own, so that ranges and range
    facets work on them; every attribute can be filtered by value without being listed.
    `metadata` (mapping, text template, generation …) is stored but not part of the fingerprint.
    """

    language: str = "english"
    vectors: tuple[VectorField, ...] = ()
    numeric_attributes: tuple[str, ...] = ()
    labels: tuple[LabelField, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise InvalidSettings(f"Language {self.language!r} is none of {', '.join(LANGUAGES)}.", field="language")
        names = [v.name for v in self.vectors]
        if len(set(names)) != len(names):
            raise InvalidSettings(f"Vector field names repeat: {names}.", field="vectors")
        labels = [label.name for label in self.labels]
        if len(set(labels)) != len(labels):
            raise InvalidSettings(f"Label field names repeat: {labels}.", field="labels")
        if len(set(self.numeric_attributes)) != len(self.numeric_attributes) or len(self.numeric_attributes) > 200:
            raise InvalidSettings(
                "numeric_attributes must be different names, 200 at most.", field="numeric_attributes"
            )

    def vector(self, name: str) -> VectorField | None:
        """The vector field of that name, or None."""
        return next((v for v in self.vectors if v.name == name), None)

    def label(self, name: str) -> LabelField | None:
        """The label field of that name, or None."""
        return next((label for label in self.labels if label.name == name), None)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over everything that shapes the index, independent of `metadata`."""
        body = {k: v for k, v in self.to_dict().items() if k != "metadata"}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back. An index without labels says nothing of them."""
        return {
            **({"labels": [asdict(label) for label in self.labels]} if self.labels else {}),
            "format": FORMAT,
            "language": self.language,
            "vectors": [asdict(v) for v in self.vectors],
            "numeric_attributes": list(self.numeric_attributes),
            "metadata": dict(self.metadata),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Schema:
        """The schema stored in an index. Raises InvalidSettings if another version of the layout wrote it."""
        if body.get("format") != FORMAT:
            raise InvalidSettings(
                f"The index has layout {body.get('format')!r}, this version reads layout {FORMAT}.",
                hint="Index the catalogue again with this version.",
                field="format",
            )
        return cls(
            language=body["language"],
            vectors=tuple(VectorField(**v) for v in body["vectors"]),
            numeric_attributes=tuple(body["numeric_attributes"]),
            labels=tuple(LabelField(**label) for label in body.get("labels", ())),
            metadata=body.get("metadata", {}),
        )
