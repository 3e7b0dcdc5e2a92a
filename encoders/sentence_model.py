"""What a sentence-transformers folder says: pooling, length limit, prompts, tokenizer, weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multirecall.core.errors import EncoderError, UnsupportedFeature
from multirecall.encoders.fingerprint import FileDigests
from multirecall.encoders.transformer_weights import FAMILIES

__all__ = ["MEAN", "Prompts", "SentenceModel", "prompts_from", "read_sentence_model"]

MEAN, CLS = "mean", "cls"
_POOLING_FLAGS = {"pooling_mode_mean_tokens": MEAN, "pooling_mode_cls_token": CLS}
_PRODUCT_PROMPTS = ("document", "passage", "corpus")
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Texts put before each query and each product, as the model was trained (`query: `, `passage: `)."""

    query: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceModel:
    """A BERT-family sentence encoder on disk.

    `config` is the transformer's config.json. `pooling` is `mean` or `cls`. `max_tokens` counts the special
    tokens. `lowercase` asks for lower case beyond what the tokenizer does. Whether the folder has a Normalize
    module is not kept: rows of an Encoder have length 1 in any case.
    """

    folder: Path
    config: Mapping[str, Any]
    pooling: str
    max_tokens: int
    prompts: Prompts
    lowercase: bool

    @property
    def weights_file(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def tokenizer_file(self) -> Path:
        return self.folder / "tokenizer.json"

    def identity(self, digests: FileDigests) -> dict[str, Any]:
        """All that decides the vectors, as plain JSON values; reads the files unless `digests` knows them."""
        return {
            "weights": digests.digest(self.weights_file),
            "tokenizer": digests.digest(self.tokenizer_file),
            "config": dict(self.config),
            "pooling": self.pooling,
            "max_tokens": self.max_tokens,
            "prompts": [self.prompts.query, self.prompts.product],
            "lowercase": self.lowercase,
        }


def read_sentence_model(folder: Path) -> SentenceModel:
    """The model in `folder`, which sentence-transformers wrote or a plain transformers model with mean pooling.

    Raises EncoderError for a missing or damaged file, and UnsupportedFeature for a part that has no counterpart
    here (other poolings, dense layers after the pooling, weights that are not safetensors).
    """
    _check_files(folder)
    config = _read_object(folder / "config.json")
    transformer = _read_object(folder / "sentence_bert_config.json", optional=True)
    return SentenceModel(
        folder=folder,
        config=config,
        pooling=_pooling(folder),
        max_tokens=_max_tokens(folder, config, transformer),
        prompts=prompts_from(
            _read_object(folder / "config_sentence_transformers.json", optional=True).get("prompts") or {}
        ),
        lowercase=bool(transformer.get("do_lower_case", False)),
    )


def prompts_from(prompts: Mapping[str, Any]) -> Prompts:
    """Prompts by the names that sentence-transformers gives them; for products the first of three names."""
    product = next((prompts[name] for name in _PRODUCT_PROMPTS if prompts.get(name)), "")
    return Prompts(query=str(prompts.get("query") or ""), product=str(product))


def _check_files(folder: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        if (folder / name).is_file():
            continue
        if name == "model.safetensors" and (folder / "pytorch_model.bin").is_file():
            raise UnsupportedFeature(
                f"The weights in {folder} are a pickle (pytorch_model.bin), which is never opened here.",
                hint="Save the model again as safetensors, or use `sentence_transformer:` with the extra models.",
                model=str(folder),
            )
        if name == "model.safetensors" and (folder / "model.safetensors.index.json").is_file():
            raise UnsupportedFeature(
                f"The weights in {folder} are split over several files.",
                hint="Save the model again in one file, or use `sentence_transformer:` with the extra models.",
                model=str(folder),
            )
        raise EncoderError(
            f"The model folder {folder} has no {name}.",
            hint="Give a sentence-transformers folder (config.json, tokenizer.json, model.safetensors).",
            model=str(folder),
        )


def _pooling(folder: Path) -> str:
    """The pooling named in modules.json and its folder; a folder without modules.json is pooled by mean."""
    modules = _read_json(folder / "modules.json", optional=True)
    pooling = MEAN
    for module in modules if isinstance(modules, list) else []:
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        if kind not in _KNOWN_MODULES:
            raise UnsupportedFeature(
                f"The model in {folder} has a {kind} module, which the onnx encoder does not build.",
                hint=f"Use `sentence_transformer:{folder}` with the extra models.",
                module=kind,
            )
        if kind == "Pooling":
            pooling = _pooling_mode(_read_object(folder / str(module["path"]) / "config.json"), folder)
    return pooling


def _pooling_mode(config: Mapping[str, Any], folder: Path) -> str:
    named = config.get("pooling_mode")
    modes = [named] if isinstance(named, str) else list(named or ())
    modes += [
        _POOLING_FLAGS.get(flag, flag) for flag, is_set in config.items() if flag.startswith("pooling_mode_") and is_set
    ]
    if len(modes) != 1 or modes[0] not in (MEAN, CLS):
        raise UnsupportedFeature(
            f"The model in {folder} pools by {', '.join(map(str, modes)) or 'nothing'}; here mean or cls is built.",
            hint=f"Use `sentence_transformer:{folder}` with the extra models.",
            pooling=[str(mode) for mode in modes],
        )
    return str(modes[0])


def _max_tokens(folder: Path, config: Mapping[str, Any], transformer: Mapping[str, Any]) -> int:
    family = FAMILIES.get(str(config.get("model_type")))
    pad_id = family.position_pad_id(config) if family else None
    # Families that count positions from the padding token's id on have no token for the first rows.
    positions = int(config.get("max_position_embeddings", 512)) - (0 if pad_id is None else pad_id + 1)
    stated = transformer.get("max_seq_length")
    if stated is None:
        stated = _read_object(folder / "tokenizer_config.json", optional=True).get("model_max_length")
    # Where no limit is known, tokenizer_config.json holds a float of about 1e30.
    return int(min(float(stated if stated is not None else positions), positions))


def _read_object(file: Path, *, optional: bool = False) -> dict[str, Any]:
    content = _read_json(file, optional=optional)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise EncoderError(f"{file} should hold a JSON object.", hint="Fetch the model again.", file=str(file))
    return content


def _read_json(file: Path, *, optional: bool = False) -> Any:
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError as error:
        if optional:
            return None
        raise EncoderError(f"{file} is missing.", hint="Fetch the model again.", file=str(file)) from error
    except (OSError, ValueError) as error:
        raise EncoderError(f"{file} cannot be read: {error}", hint="Fetch the model again.", file=str(file)) from error
