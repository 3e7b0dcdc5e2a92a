"""Encoders by specification: `KIND[:MODEL][?key=value&…]`.

| specification | encoder |
|---|---|
| `onnx` | all-MiniLM-L6-v2 in int8, the default |
| `onnx?precision=fp32` | the same in float32 |
| `onnx:/path/to/folder`, `onnx:owner/name` | a BERT-family sentence-transformers model, local or from the hub |
| `static`, `static?dim=64` | wordllama word vectors |
| `hashing`, `hashing?dim=64` | feature hashing, no model |
| `sentence_transformer:NAME_OR_PATH` | any sentence-transformers model, with the extra `models` |
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, quote

from multirecall.core.errors import InvalidSettings
from multirecall.encoders.base import Encoder

__all__ = ["ENCODER_KINDS", "EncoderKind", "default_cache_dir", "open_encoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an encoder is opened with: the parsed specification and what the caller settles for the machine."""

    spec: str
    model: str
    options: Mapping[str, Any]
    cache_dir: Path
    n_threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A key of a specification: how its text becomes a value, its default, and what is allowed, in words."""

    parse: Callable[[str], Any]
    default: Any
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderKind:
    """One kind of encoder. `model` says what may follow the colon (empty: nothing)."""

    open: Callable[[Opening], Encoder]
    model: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)


def default_cache_dir() -> Path:
    """Where built graphs are kept unless the caller says otherwise."""
    return Path.home() / ".cache" / "multirecall" / "encoders"


def open_encoder(spec: str, *, cache_dir: Path | None = None, threads: int | None = None) -> Encoder:
    """The encoder that `spec` names, ready to use.

    `cache_dir` keeps what is derived from models (default: `~/.cache/multirecall/encoders`); `threads` is how many
    cores one call may use (default: those this process may run on). Blocks while a model is read, and on the
    network for a hub name that is not in the hub's cache.

    Raises InvalidSettings for a specification that is not understood (naming what is), MissingExtra for an absent
    package, UnsupportedFeature for a model that this kind cannot run, EncoderError for one that cannot be loaded.
    """
    head, _, query = spec.strip().partition("?")
    name, _, model = head.partition(":")
    kind = ENCODER_KINDS.get(name)
    if kind is None:
        raise InvalidSettings(
            f"There is no encoder kind {name!r} (in {spec!r}).",
            hint=f"Kinds: {', '.join(sorted(ENCODER_KINDS))}.",
            field="encoder",
        )
    if model and not kind.model:
        raise InvalidSettings(
            f"The encoder {name!r} takes no model, got {model!r}.", hint=f"Write `{name}`.", field="encoder"
        )
    if threads is not None and threads < 1:
        raise InvalidSettings(f"threads must be 1 or more, got {threads}.", field="threads")
    options = _options(name, kind, query)
    return kind.open(
        Opening(
            spec=_canonical(name, model, kind, options),
            model=model,
            options=options,
            cache_dir=cache_dir or default_cache_dir(),
            n_threads=threads or _usable_cores(),
        )
    )


def _usable_cores() -> int:
    # A container often may use fewer cores than the machine has; only Linux tells.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _options(name: str, kind: EncoderKind, query: str) -> dict[str, Any]:
    """All options of the kind: those given, the others at their default."""
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError as error:
        raise InvalidSettings(
            f"The encoder options {query!r} are not key=value pairs joined by &.", field="encoder"
        ) from error
    options = {key: option.default for key, option in kind.options.items()}
    for key, text in given:
        option = kind.options.get(key)
        if option is None:
            valid = ", ".join(sorted(kind.options)) or "none"
            raise InvalidSettings(
                f"The encoder {name!r} has no option {key!r}.", hint=f"Options: {valid}.", field="encoder"
            )
        try:
            options[key] = option.parse(text)
        except ValueError as error:
            raise InvalidSettings(
                f"The encoder option {key}={text} is not valid.", hint=f"Allowed: {option.allowed}.", field="encoder"
            ) from error
    return options


def _canonical(name: str, model: str, kind: EncoderKind, options: Mapping[str, Any]) -> str:
    """One spelling for one encoder: defaults left out, keys in order, a local path made absolute."""
    if model and Path(model).expanduser().is_dir():
        model = str(Path(model).expanduser().resolve())
    head = f"{name}:{model}" if model else name
    set_options = [
        f"{key}={quote(str(options[key]), safe='')}"
        for key in sorted(options)
        if options[key] != kind.options[key].default
    ]
    return f"{head}?{'&'.join(set_options)}" if set_options else head


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(text)
        return text

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


# The imports stand in the functions: opening one kind must not load the libraries of the others.


def _open_hashing(opening: Opening) -> Encoder:
    from multirecall.encoders.hashing import HashingEncoder

    return HashingEncoder(dim=opening.options["dim"])


def _open_onnx(opening: Opening) -> Encoder:
    from multirecall.encoders.locating import DEFAULT_MODEL, default_model_folder, model_folder
    from multirecall.encoders.onnx import open_onnx
    from multirecall.encoders.sentence_model import read_sentence_model

    folder = model_folder(opening.model) if opening.model else default_model_folder()
    return open_onnx(
        read_sentence_model(folder),
        precision=opening.options["precision"],
        spec=opening.spec,
        name=_short(opening.model) or DEFAULT_MODEL,
        cache_dir=opening.cache_dir,
        n_threads=opening.n_threads,
    )


def _open_static(opening: Opening) -> Encoder:
    from multirecall.encoders.locating import model_folder
    from multirecall.encoders.static import default_static_files, open_static, static_files

    files = static_files(model_folder(opening.model)) if opening.model else default_static_files()
    return open_static(
        *files,
        dim=opening.options["dim"],
        spec=opening.spec,
        name=_short(opening.model) or "wordllama",
        cache_dir=opening.cache_dir,
    )


def _open_sentence_transformer(opening: Opening) -> Encoder:
    from multirecall.encoders.locating import DEFAULT_MODEL, default_model_folder
    from multirecall.encoders.sentence_transformer import open_sentence_transformer

    return open_sentence_transformer(
        opening.model or str(default_model_folder()),
        device=opening.options["device"],
        spec=opening.spec,
        name=f"{_short(opening.model) or DEFAULT_MODEL}-torch",
    )


def _short(model: str) -> str:
    return model.rstrip("/").rsplit("/", 1)[-1]


_MAX_DIM = 65_536

ENCODER_KINDS: Mapping[str, EncoderKind] = MappingProxyType(
    {
        "hashing": EncoderKind(
            open=_open_hashing,
            options={"dim": Option(parse=_whole(8, _MAX_DIM), default=256, allowed=f"8 to {_MAX_DIM}")},
        ),
        "onnx": EncoderKind(
            open=_open_onnx,
            model="a sentence-transformers folder or hub name",
            options={
                "precision": Option(parse=_one_of("int8", "fp32"), default="int8", allowed="int8, fp32"),
            },
        ),
        "sentence_transformer": EncoderKind(
            open=_open_sentence_transformer,
            model="a sentence-transformers folder or hub name",
            options={"device": Option(parse=str, default="cpu", allowed="a torch device, as cpu or cuda:0")},
        ),
        "static": EncoderKind(
            open=_open_static,
            model="a Model2Vec or StaticEmbedding folder or hub name",
            options={"dim": Option(parse=_whole(1, _MAX_DIM), default=0, allowed="1 to the width of the vectors")},
        ),
    }
)
