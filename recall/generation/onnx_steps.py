"""OnnxSteps: a trained sequence model as the beam search asks it, on onnxruntime, without torch.

A folder of `multirecall.training.generation.export`:

    card.json        format, sizes, digests of the files, fingerprint, what the training says of itself
    texts.onnx       reads texts, once per search
    step.onnx        one token more for every row, with what it remembers of the tokens before
    tokenizer.json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray
from onnxruntime import OrtValue

from multirecall.core.errors import EncoderError, InvalidInput
from multirecall.encoders.batching import padded
from multirecall.encoders.fingerprint import FileDigests, fingerprint
from multirecall.encoders.onnx_session import RUNTIME_ERRORS, open_session
from multirecall.encoders.texts import well_formed
from multirecall.encoders.tokenizing import TokenizerFile
from multirecall.recall.generation.base import Float32Array

__all__ = ["CARD", "FORMAT", "STEP_GRAPH", "TEXTS_GRAPH", "TOKENIZER", "OnnxSteps", "open_onnx_steps"]

FORMAT = 1
CARD, TEXTS_GRAPH, STEP_GRAPH, TOKENIZER = "card.json", "texts.onnx", "step.onnx", "tokenizer.json"
_SAID = ("fingerprint", "training")
"""What the fingerprint is not over: itself, and what is told of the training."""
_AGAIN = "Export it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """What the card says and the graphs need. Its names are the card's."""

    vocab: int
    start: int
    end: int
    pad: int
    heads: int
    head_dim: int
    layers: int
    max_source_tokens: int
    max_tokens: int


class OnnxSteps:
    """A StepModel. Runs on the calling thread; safe for several. Open it with `open_onnx_steps`.

    Texts are cut after the card's `max_source_tokens`; an output has `max_tokens` at most, with its end.
    """

    def __init__(
        self,
        *,
        texts: onnxruntime.InferenceSession,
        step: onnxruntime.InferenceSession,
        reader: TokenizerFile,
        writer: TokenizerFile,
        card: Mapping[str, Any],
        sizes: _Sizes,
        name: str,
    ) -> None:
        self._texts = texts
        self._step = step
        self._reader = reader
        self._writer = writer
        self._sizes = sizes
        self._name = name
        self.card = card
        """What the folder says of the model; under `training` what its training says."""

    @property
    def vocab(self) -> int:
        return self._sizes.vocab

    @property
    def end(self) -> int:
        return self._sizes.end

    @property
    def max_tokens(self) -> int:
        return self._sizes.max_tokens

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all that the probabilities depend on."""
        return str(self.card["fingerprint"])

    def ids(self, text: str) -> list[int]:
        """The ids of an output text, without an end: what a constraint on texts is made of."""
        return self._writer.token_ids([text])[0]

    def text(self, ids: Sequence[int]) -> str:
        """The text of an output."""
        return self._writer.text(ids).strip()

    def id_of(self, token: str) -> int | None:
        """The id of a token such as `<sep>`, None if it is none."""
        return self._writer.id_of(token)

    def begin(self, texts: Sequence[str]) -> OnnxDecoding:
        """A decoding of these texts; reads them. Raises InvalidInput for none, EncoderError if the model fails.

        Attention to the texts grows with the square of their number: sixteen at a time cost the least each, about half
        of what one alone does.
        """
        if not texts:
            raise InvalidInput("There is no text to decode from.", field="texts")
        ids, mask = padded(self._reader.token_ids(well_formed(texts)), self._sizes.pad)
        told = self._run(self._texts, {"input_ids": ids, "attention_mask": mask})
        positions = np.where(mask > 0, np.arange(len(texts))[:, None], -1).ravel()
        return OnnxDecoding(self, len(texts), {**told, "positions": OrtValue.ortvalue_from_numpy(positions)})

    def _run(
        self, session: onnxruntime.InferenceSession, inputs: Mapping[str, OrtValue | NDArray[Any]]
    ) -> dict[str, OrtValue]:
        """All outputs by name, still where the runtime has them: only log probabilities are copied."""
        fed = {
            name: OrtValue.ortvalue_from_numpy(value) if isinstance(value, np.ndarray) else value
            for name, value in inputs.items()
        }
        names = [output.name for output in session.get_outputs()]
        try:
            return dict(zip(names, session.run_with_ort_values(names, fed), strict=True))
        except RUNTIME_ERRORS as error:
            raise EncoderError(f"The model {self._name} failed: {error}", hint=_AGAIN, model=self._name) from error


class OnnxDecoding:
    """One search over a batch of texts. For one thread."""

    def __init__(self, model: OnnxSteps, n_texts: int, read: Mapping[str, OrtValue]) -> None:
        self._model = model
        self._read = read
        self._owners = np.arange(n_texts)
        self._past: dict[str, OrtValue] = {}
        self._n_steps = 0

    def first(self) -> Float32Array:
        sizes = self._model._sizes
        nothing = OrtValue.ortvalue_from_numpy(
            np.empty((len(self._owners), sizes.heads, 0, sizes.head_dim), dtype=np.float32)
        )
        self._past = {f"past_{part}{layer}": nothing for layer in range(sizes.layers) for part in ("keys", "values")}
        return self._next(np.arange(len(self._owners)), np.full(len(self._owners), sizes.start))

    def step(self, parents: NDArray[np.integer[Any]], tokens: NDArray[np.integer[Any]]) -> Float32Array:
        """As the contract. Raises InvalidInput behind `max_tokens`, EncoderError if the model fails."""
        if self._n_steps == self._model.max_tokens:
            raise InvalidInput(f"The model writes {self._n_steps} tokens at most.", field="max_tokens")
        rows = np.ascontiguousarray(parents, dtype=np.int64)
        self._owners = self._owners[rows]
        return self._next(rows, np.ascontiguousarray(tokens, dtype=np.int64))

    def _next(self, parents: NDArray[np.int64], tokens: NDArray[np.int64]) -> Float32Array:
        asked = {"tokens": tokens, "parents": parents, "owners": self._owners}
        told = self._model._run(self._model._step, {**asked, **self._read, **self._past})
        self._n_steps += 1
        log_probs: Float32Array = told.pop("log_probs").numpy()
        self._past = {name.replace("next", "past"): value for name, value in told.items()}
        return log_probs


def open_onnx_steps(folder: Path) -> OnnxSteps:
    """The model of a folder. Blocks for tenths of a second: its files are held to the card's digests.

    Raises EncoderError for a folder that holds none, one of another format, or damaged files.
    """
    card = _read_card(folder)
    digests = FileDigests(None)
    for name, digest in card["files"].items():
        if digests.digest(folder / name) != digest:
            raise _no_model(folder, f"{name} is not the file that the card speaks of")
    try:
        texts, step = (open_session(str(folder / name)) for name in (TEXTS_GRAPH, STEP_GRAPH))
    except RUNTIME_ERRORS as error:
        raise _no_model(folder, f"onnxruntime {onnxruntime.__version__} cannot open it: {error}") from error
    sizes = _Sizes(**{name: int(card[name]) for name in _Sizes.__slots__})
    file = folder / TOKENIZER
    return OnnxSteps(
        texts=texts,
        step=step,
        reader=TokenizerFile(file, max_tokens=sizes.max_source_tokens, special_tokens=True),
        writer=TokenizerFile(file, max_tokens=0, special_tokens=False),
        card=card,
        sizes=sizes,
        name=folder.name,
    )


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        card = orjson.loads((folder / CARD).read_bytes())
    except OSError as error:
        raise _no_model(folder, f"cannot read {CARD}: {error.strerror}") from None
    except ValueError:
        raise _no_model(folder, f"{CARD} is no JSON") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise _no_model(folder, f"its format is not {FORMAT}, the one that this version reads")
    if fingerprint({name: value for name, value in card.items() if name not in _SAID}) != card.get("fingerprint"):
        raise _no_model(folder, f"{CARD} is not as it was written")
    return card


def _no_model(folder: Path, why: str) -> EncoderError:
    return EncoderError(f"{folder} holds no sequence model: {why}.", hint=_AGAIN, folder=str(folder))
