"""The rewriters of the settings."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriters.opening import open_rewriters
from multirecall.wiring.rewriter_models import RewriterModels, open_generator
from multirecall.wiring.settings import Settings

__all__ = ["opened_rewriters", "rewriter_folder"]


def rewriter_folder(settings: Settings) -> Path:
    """Where `multirecall rewriters build` puts what it learns unless somebody names another folder."""
    return (settings.rewriter_dir or settings.cache_dir / "rewriters").expanduser()


def opened_rewriters(
    settings: Settings, *, language: str, models: RewriterModels | None = None, spec: str | None = None
) -> RewriteChain:
    """The chain of the settings, or that of `spec` with the same files.

    Its language model is one of `models`, who must outlive it (None: one that forgets).

    Raises InvalidSettings that says what is wrong, and which command mends it.
    """
    return open_rewriters(
        settings.rewriters if spec is None else spec,
        folder=rewriter_folder(settings),
        synonyms=settings.synonyms,
        knowledge=settings.knowledge,
        language=language,
        resources={"generator": models.open if models is not None else partial(open_generator, settings)},
    )
