"""Paraphrase templates: how people put a need into words. `{say}` is the concept's wording.

No training query is made by the held-out ones, so that tests can tell what was learned of a concept from what was
learned of a sentence. The rewriter is taught many sentences per kind: with eight alone a model from scratch learns them
by heart, and a new one leads it astray.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["HELD_OUT_TEMPLATES", "REWRITER_TEMPLATES", "TRAINING_TEMPLATES"]

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

_MORE = {
    "question": (
        "{say} again",
        "my problem is {say}",
        "please advise about {say}",
        "can you recommend something for {say}",
        "how to handle {say}",
        "{say} is driving me mad",
        "which product is good for {say}",
        "relief from {say}",
        "i need help because of {say}",
        "the trouble is {say}",
        "what would you buy for {say}",
        "{say} how do i fix it",
        "sick of {say}",
        "do you sell something for {say}",
    ),
    "negation": (
        "hate {say}",
        "{say} is not for me",
        "leave out {say}",
        "as long as it is not {say}",
        "no thanks to {say}",
        "the opposite of {say}",
        "skip the {say}",
        "i am done with {say}",
        "we never want {say}",
        "it should not be {say}",
        "minus {say}",
        "please no {say}",
        "{say} free",
        "i dislike {say}",
    ),
    "alternative": (
        "replacement for {say}",
        "{say} costs too much",
        "i do not want to spend on {say}",
        "without paying for {say}",
        "budget version of {say}",
        "low cost {say}",
        "what can i use if i have no {say}",
        "is there a different way than {say}",
        "no money for {say}",
        "avoid paying for {say}",
        "to get around {say}",
        "{say} is out of my budget",
        "swap {say} for a product",
        "at home and not {say}",
    ),
    "scene": (
        "we are going to {say}",
        "what should i have for {say}",
        "my first {say}",
        "supplies for {say}",
        "products for {say}",
        "{say} next week",
        "help me prepare for {say}",
        "ready for {say}",
        "{say} is coming up",
        "what is useful for {say}",
        "kit for {say}",
        "i have {say} ahead",
        "what do you recommend for {say}",
        "stuff for {say}",
    ),
    "slang": (
        "i want a {say}",
        "do you have a {say}",
        "show me {say}",
        "{say} please",
        "need {say}",
        "nice {say} for me",
        "which {say} is good",
        "large {say}",
        "{say} sale",
        "a {say} as a gift",
        "shop for a {say}",
        "order {say}",
        "quality {say}",
        "{say} offers",
    ),
}
REWRITER_TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {kind: (*templates, *_MORE[kind]) for kind, templates in TRAINING_TEMPLATES.items()}
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
