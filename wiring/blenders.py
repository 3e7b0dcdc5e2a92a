"""`blender:PATH`: the trained fusion of a folder, or the untrained one that stands in for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from multirecall.core.errors import InvalidSettings
from multirecall.engines.analysis import terms
from multirecall.fusion.base import Fusion
from multirecall.fusion.opening import open_fusion
from multirecall.fusion.weighted_sum import WeightedSum
from multirecall.fusion.with_note import WithNote

if TYPE_CHECKING:
    from multirecall.fusion.blender import Blender

__all__ = ["BLENDER_PREFIX", "fusion_for", "load_blender"]

BLENDER_PREFIX = "blender:"


def fusion_for(spec: str, *, routes: Sequence[str], language: str) -> Fusion:
    """The fusion that `spec` writes down, for an index of that language searched by those routes.

    A blender that is missing, broken, or made for other routes or another language is replaced by WeightedSum, and
    every answer says so: a shop's search must not stop because a model's folder was moved. Raises InvalidSettings for
    any other fusion that cannot be read.
    """
    if not spec.strip().startswith(BLENDER_PREFIX):
        return open_fusion(spec)
    path = spec.strip().removeprefix(BLENDER_PREFIX)
    try:
        return load_blender(Path(path), routes=routes, language=language)
    except InvalidSettings as error:
        hint = f" {error.hint}" if error.hint else ""
        return WithNote(fusion=WeightedSum(), note=f"{error.message} WeightedSum stands in for it.{hint}")


def load_blender(path: Path, *, routes: Sequence[str], language: str) -> Blender:
    """The blender in the folder `path`. Raises InvalidSettings, with what to do, if it does not fit."""
    # LightGBM takes seconds to import: only those who have a model pay for it
    from multirecall.fusion.blender import Blender
    from multirecall.fusion.blender_model import MODEL_FILES, BlenderModel

    files = {}
    for name in MODEL_FILES:
        try:
            files[name] = (path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InvalidSettings(
                f"There is no blender model at {path} (no {name}).",
                hint="Train one: multirecall train blender.",
                field="fusion",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"Cannot read {path / name}: {error}.", field="fusion") from None
    model = BlenderModel.from_files(files)
    unknown = sorted(set(routes) - set(model.features.routes))
    if unknown:
        raise InvalidSettings(
            f"The blender at {path} was trained on the routes {', '.join(model.features.routes)}; it does not know "
            f"{', '.join(unknown)}.",
            hint="Train it again with these routes: multirecall train blender --routes.",
            field="fusion",
        )
    if model.language != language:
        raise InvalidSettings(
            f"The blender at {path} was trained on an index analysed as {model.language}, this one is {language}.",
            hint="Train it again on this index: multirecall train blender.",
            field="fusion",
        )
    return Blender(model=model, analyse=partial(terms, language=language), name=str(path))
