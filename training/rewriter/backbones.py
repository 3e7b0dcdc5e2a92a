"""The model that a rewriter's recipe starts from."""

from __future__ import annotations

from collections.abc import Iterable

from multirecall.training.generation import backbones
from multirecall.training.generation.policy import Policy
from multirecall.training.rewriter.recipes import Recipe

__all__ = ["PROMPT", "open_policy"]

PROMPT = "Shopper: {query}\nShop queries:"
"""What a causal model is asked with; a seq2seq model reads the query alone. Kept in the artefact's card."""


def open_policy(recipe: Recipe, texts: Iterable[str]) -> Policy:
    """The policy of a recipe; `texts` teach the tokenizer of a model from scratch. Blocks and raises as there."""
    return backbones.open_policy(recipe.backbone, texts, max_tokens=recipe.max_tokens, prompt=PROMPT)
