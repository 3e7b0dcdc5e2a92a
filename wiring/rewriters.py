"""The rewriters of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from multirecall.recall.base import Route
from multirecall.recall.rewrite import RewriteRoute
from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriters.opening import open_rewriters
from multirecall.wiring.rewriter_models import RewriterModels, open_generator
from multirecall.wiring.settings import Settings

__all__ = ["opened_rewriters", "quick_rewriters", "rewriter_folder"]


def rewriter_folder(settings: Settings) -> Path:
    """Where `multirecall rewriters build` puts what it learns unless somebody names another folder."""
    return (settings.rewriter_dir or settings.cache_dir / "rewriters").expanduser()


def quick_rewriters(settings: Settings, *, language: str, routes: Sequence[Route]) -> RewriteChain:
    """The chain of the settings without a language model, for a fusion; from the route that has it open, if one has."""
    for route in routes:
        if isinstance(route, RewriteRoute) and isinstance(route.rewriters, RewriteChain):
            return route.rewriters.without_models()
    return opened_rewriters(settings, language=language, with_models=False)


def opened_rewriters(
    settings: Settings,
    *,
    language: str,
    models: RewriterModels | None = None,
    spec: str | None = None,
    with_models: bool = True,
) -> RewriteChain:
    """The chain of the settings, or that of `spec` with the same files.

    Its language model is one of `models`, who must outlive it (None: one that forgets); without `with_models` it has
    none.

    Raises InvalidSettings that says what is wrong, and which command mends it.
    """
    return open_rewriters(
        settings.rewriters if spec is None else spec,
        folder=rewriter_folder(settings),
        synonyms=settings.synonyms,
        knowledge=settings.knowledge,
        language=language,
        resources={"generator": models.open if models is not None else partial(open_generator, settings)},
        with_models=with_models,
    )
