"""Paraphrase templates: how people put a need into words. `{say}` is the concept's wording.

Eight and more per kind; a third of each kind is held out: no training query is made by it, so that tests can tell what
was learned of a concept from what was learned of a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["HELD_OUT_TEMPLATES", "TRAINING_TEMPLATES"]

TRAINING_TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "question": (
            "what helps with {say}",
            "how do i fix {say}",
            "help me with {say}",
            "what can i do about {say}",
            "{say} what should i buy",
            "is there something for {say}",
            "tired of {say}",
            "{say}",
            "i have trouble with {say}",
        ),
        "negation": (
            "no {say}",
            "without {say}",
            "anything but {say}",
            "i do not want {say}",
            "one without {say} please",
            "must not involve {say}",
            "never {say} any more",
            "free of {say}",
        ),
        "alternative": (
            "alternative to {say}",
            "instead of {say}",
            "cheaper than {say}",
            "what can replace {say}",
            "in place of {say}",
            "too expensive {say}",
            "i cannot pay for {say}",
            "{say} but cheaper",
        ),
        "scene": (
            "{say}",
            "getting ready for {say}",
            "what to take for {say}",
            "gear for {say}",
            "equipment for {say}",
            "i need things for {say}",
            "preparing for {say}",
            "we are about to do {say}",
        ),
        "slang": (
            "{say}",
            "buy {say}",
            "good {say}",
            "a new {say}",
            "looking for a {say}",
            "best {say} for home",
            "{say} wanted",
            "small {say}",
        ),
    }
)

HELD_OUT_TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "question": (
            "what do people use against {say}",
            "i cannot stand {say} any longer",
            "solution for {say}",
            "{say} any tips",
        ),
        "negation": (
            "rather nothing with {say}",
            "everything except {say}",
            "not again {say}",
            "keep me away from {say}",
        ),
        "alternative": (
            "what else could do the job of {say}",
            "save money on {say}",
            "other than {say}",
            "substitute for {say}",
        ),
        "scene": (
            "shopping list {say}",
            "everything for {say}",
            "tomorrow is {say} what do we need",
            "packing for {say}",
        ),
        "slang": ("cheap {say}", "where to get a {say}", "{say} online", "my old {say} broke"),
    }
)
