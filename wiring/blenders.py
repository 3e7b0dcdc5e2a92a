"""`blender:PATH` or `blender:PATH?cut=tail`: the trained fusion of a folder, or what stands in for it."""

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
from multirecall.wiring.settings import Settings

if TYPE_CHECKING:
    from multirecall.fusion.blender import Blender

__all__ = ["BLENDER_PREFIX", "blender_folder", "blender_stamp", "fusion_for", "load_blender"]

BLENDER_PREFIX = "blender:"
_CUT_TAIL = "cut=tail"


def blender_folder(settings: Settings) -> Path:
    """Where a trained blender is stored unless somebody names another folder."""
    return (settings.blender_dir or settings.cache_dir / "blender").expanduser()


def fusion_for(spec: str, *, routes: Sequence[str], language: str) -> Fusion:
    """The fusion that `spec` writes down, for an index of that language searched by those routes.

    A blender that is missing, broken, or made for other routes or another language is replaced by WeightedSum, and
    every answer says so: a shop's search must not stop because a model's folder was moved. Raises InvalidSettings for
    any other fusion that cannot be read, and for an unknown option: `?cut=tail` ends lists where what follows is hardly
    relevant.
    """
    if not spec.strip().startswith(BLENDER_PREFIX):
        return open_fusion(spec)
    path, cut_tail = _read_spec(spec.strip())
    try:
        return load_blender(path, routes=routes, language=language, cut_tail=cut_tail)
    except InvalidSettings as error:
        hint = f" {error.hint}" if error.hint else ""
        return WithNote(fusion=WeightedSum(), note=f"{error.message} WeightedSum stands in for it.{hint}")


def blender_stamp(spec: str) -> tuple[tuple[str, int, int, int], ...] | None:
    """Another value once a file of the blender's folder was written; None for another fusion, or without the folder."""
    if not spec.strip().startswith(BLENDER_PREFIX):
        return None
    try:
        found = [(file.name, file.stat()) for file in _read_spec(spec.strip())[0].iterdir() if file.is_file()]
    except OSError:
        return None
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found)) or None


def _read_spec(spec: str) -> tuple[Path, bool]:
    """The folder, and whether the tail is cut."""
    path, _, option = spec.removeprefix(BLENDER_PREFIX).partition("?")
    if option not in ("", _CUT_TAIL):
        raise InvalidSettings(
            f"The fusion {spec!r} has an unknown option {option!r}.", hint=f"Use ?{_CUT_TAIL} or none.", field="fusion"
        )
    return Path(path), option == _CUT_TAIL


def load_blender(path: Path, *, routes: Sequence[str], language: str, cut_tail: bool = False) -> Blender:
    """The blender in the folder `path`. Raises InvalidSettings, with what to do, if it does not fit."""
    # LightGBM takes seconds to import: only those who have a model pay for it
    from multirecall.fusion.blender import Blender
    from multirecall.fusion.blender_model import MODEL_FILES, BlenderModel

    model = BlenderModel.from_files(_model_files(path, MODEL_FILES))
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
    name = f"{path}?{_CUT_TAIL}" if cut_tail else str(path)
    return Blender(model=model, analyse=partial(terms, language=language), name=name, cut_tail=cut_tail)


def _model_files(path: Path, names: Sequence[str]) -> dict[str, str]:
    """The texts of a model's files, all of one model: if another takes its place meanwhile, they are read again."""
    while True:
        folder = _identity(path)
        found = _read(path, names)
        if _identity(path) != folder:
            continue
        if isinstance(found, InvalidSettings):
            raise found
        return found


def _read(path: Path, names: Sequence[str]) -> dict[str, str] | InvalidSettings:
    files = {}
    for name in names:
        try:
            files[name] = (path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return InvalidSettings(
                f"There is no blender model at {path} (no {name}).",
                hint="Train one: multirecall train blender.",
                field="fusion",
            )
        except (OSError, UnicodeDecodeError) as error:
            return InvalidSettings(f"Cannot read {path / name}: {error}.", field="fusion")
    return files


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Which folder lies there; None for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
