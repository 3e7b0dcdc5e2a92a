"""Labeller: what a model says of a product in a few words that the index holds beside it, such as a semantic id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from multirecall.core.errors import InvalidSettings
from multirecall.engines.base import IndexedProduct
from multirecall.engines.schema import LabelField, Schema

__all__ = ["Labeller", "LabellerOf", "label_field", "no_labeller", "with_labels"]


@runtime_checkable
class Labeller(Protocol):
    """A model that labels products. Safe for several threads.

    `name` is its label field, `spec` how it is opened again, `fingerprint` that of all that its labels depend on.
    """

    @property
    def name(self) -> str: ...

    @property
    def spec(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    def check(self, schema: Schema) -> None:
        """Raises FingerprintMismatch or InvalidSettings if the products of such an index are not what it can label,
        as when their vectors are of another encoder."""
        ...

    def labels(self, products: Sequence[IndexedProduct]) -> list[tuple[str, ...]]:
        """The labels of each product, in order, each once; none for a product it has nothing to say about.

        Products have their whole records and their vectors. A label above `MAX_KEYWORD_CHARS` with its field's name is
        not searchable.
        """
        ...


LabellerOf = Callable[[LabelField, Schema], Labeller]
"""The labeller that makes the labels of a field; raises FingerprintMismatch if it no longer is the same."""


def label_field(labeller: Labeller) -> LabelField:
    """The field that a schema gives to the labeller."""
    return LabelField(name=labeller.name, labeller=labeller.spec, fingerprint=labeller.fingerprint)


def with_labels(products: Sequence[IndexedProduct], labellers: Sequence[Labeller]) -> list[IndexedProduct]:
    """The products with the field `labels`, of all labellers in their order; as they are where none says anything."""
    values: list[tuple[str, ...]] = [() for _ in products]
    for labeller in labellers:
        field, said = label_field(labeller), labeller.labels(products)
        values = [
            (*before, *(field.value(label) for label in labels)) for before, labels in zip(values, said, strict=True)
        ]
    return [
        replace(product, fields={**product.fields, "labels": list(labels)}) if labels else product
        for product, labels in zip(products, values, strict=True)
    ]


def no_labeller(field: LabelField, schema: Schema) -> Labeller:
    """A LabellerOf for where there are none. Raises InvalidSettings."""
    raise InvalidSettings(
        f"The index has labels {field.name!r} of {field.labeller!r}, which is not open here.",
        hint="Name the labeller in the settings, or rebuild the index without it.",
        field="labellers",
    )
