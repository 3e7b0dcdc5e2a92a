"""Labellers by the settings, and the one that an index names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from multirecall.core.errors import FingerprintMismatch, InvalidSettings
from multirecall.engines.schema import LabelField, Schema
from multirecall.recall.labelling import Labeller
from multirecall.recall.semantic_ids.folder import KIND, open_id_labeller

__all__ = ["KINDS", "OpenedLabellers", "index_labellers", "open_labeller"]

KINDS: Mapping[str, Callable[[Path], Labeller]] = {KIND: open_id_labeller}
"""What a specification `KIND:FOLDER` may name, and how it is opened."""


def open_labeller(spec: str) -> Labeller:
    """The labeller that `KIND:FOLDER` names. Raises InvalidSettings for another kind or what cannot be opened."""
    kind, _, folder = spec.partition(":")
    opener = KINDS.get(kind)
    if opener is None or not folder:
        raise InvalidSettings(
            f"{spec!r} names no labeller.",
            hint=f"Write KIND:FOLDER; kinds: {', '.join(KINDS)}.",
            field="labels",
        )
    return opener(Path(folder).expanduser().absolute())


def index_labellers(labels: str) -> list[Labeller]:
    """The labellers of a new index, from the setting `labels`: specifications, separated by commas; none for ''.

    Raises InvalidSettings as `open_labeller` does, and for two of one name.
    """
    opened = [open_labeller(spec.strip()) for spec in labels.split(",") if spec.strip()]
    names = [labeller.name for labeller in opened]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidSettings(
            f"Two labellers make the labels {twice!r}.", hint="Name one of each kind.", field="labels"
        )
    return opened


class OpenedLabellers:
    """A LabellerOf: opens what an index names, and keeps it open. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: dict[str, Labeller] = {}

    def __call__(self, field: LabelField, schema: Schema) -> Labeller:
        """Raises InvalidSettings if it cannot be opened, FingerprintMismatch if it is not the index's model."""
        with self._lock:
            if field.labeller not in self._opened:
                self._opened[field.labeller] = open_labeller(field.labeller)
            labeller = self._opened[field.labeller]
        if labeller.fingerprint != field.fingerprint:
            raise FingerprintMismatch(
                f"The index was labelled by {field.labeller!r} ({field.fingerprint}), which here is "
                f"{labeller.fingerprint}.",
                hint="Put the same model there on every worker, or rebuild.",
                expected=field.fingerprint,
                found=labeller.fingerprint,
            )
        return labeller
