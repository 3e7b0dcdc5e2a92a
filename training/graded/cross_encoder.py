"""A cross-encoder as annotator: reads query and product together. Needs torch (extra `train`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import EncoderError, InvalidInput, MissingExtra
from multirecall.encoders.fingerprint import FileDigests, fingerprint
from multirecall.encoders.locating import default_model_folder, model_folder
from multirecall.encoders.sentence_transformer import quiet_loading
from multirecall.encoders.texts import well_formed
from multirecall.training.graded.annotating import pairs_of
from multirecall.training.graded.groups import GradedGroup

__all__ = ["CrossEncoderAnnotator", "learn_cross_encoder"]

Floats = NDArray[np.float64]

_MAX_TOKENS = 96
_BATCH = 32


class CrossEncoderAnnotator:
    """Probabilities of levels by a sequence classifier with one output for each level."""

    def __init__(
        self,
        model: str,
        texts: Mapping[str, str],
        *,
        n_levels: int,
        max_tokens: int = _MAX_TOKENS,
        device: str = "cpu",
    ) -> None:
        """`model`: the folder or hub name of a classifier of `n_levels`; `texts` by product id.

        Raises MissingExtra without transformers, EncoderError for a model that cannot be loaded, InvalidInput for one
        with another number of outputs.
        """
        folder = model_folder(model)
        self._net, self._tokenizer = _loaded(folder, None)
        found = int(self._net.config.num_labels)
        if found != n_levels:
            raise InvalidInput(
                f"The cross-encoder {model} has {found} outputs, the scale {n_levels} levels.",
                hint="Let one be trained on the judgments (learn_cross_encoder), or map the grades to its levels.",
                field="annotator",
            )
        self._net.to(device).eval()
        self._texts = texts
        self._n_levels = n_levels
        self._max_tokens = max_tokens
        self._fingerprint = fingerprint(
            {
                "annotator": "cross-encoder",
                "files": [
                    FileDigests(None).digest(file) for file in sorted(folder.iterdir()) if file.suffix in _IDENTIFYING
                ],
                "cut": max_tokens,
            }
        )

    @property
    def n_levels(self) -> int:
        return self._n_levels

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def grade(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """As `Annotator.grade`; pairs of like length together, so that little is padded."""
        import torch

        found = np.full((len(pairs), self._n_levels), np.nan)
        known = [at for at, (_, product) in enumerate(pairs) if product in self._texts]
        known.sort(key=lambda at: len(pairs[at][0]) + len(self._texts[pairs[at][1]]))
        with torch.inference_mode():
            for start in range(0, len(known), _BATCH):
                places = known[start : start + _BATCH]
                logits = _logits(
                    self._net, self._tokenizer, [pairs[at] for at in places], self._texts, self._max_tokens
                )
                found[places] = torch.softmax(logits.double(), dim=-1).cpu().numpy()
        return found


def learn_cross_encoder(
    groups: Sequence[GradedGroup],
    texts: Mapping[str, str],
    out: Path,
    *,
    n_levels: int,
    base: str = "",
    epochs: int = 1,
    learning_rate: float = 3e-5,
    max_tokens: int = _MAX_TOKENS,
    seed: int = 0,
    device: str = "cpu",
    advance: Callable[[float], None] = lambda loss: None,
) -> Path:
    """Trains a classifier on the pairs of training queries and writes it into the folder `out`, which must not exist.

    `base`: a BERT-family folder or hub name, default all-MiniLM-L6-v2. Cross-entropy by the pairs' weights, batches of
    32, the rate falls to 0; reproducible by `seed` on one thread. `advance` is told the loss of each step. The folder
    appears when it is whole.

    Raises InvalidInput if `out` is there or no product has a text, and MissingExtra or EncoderError as the annotator.
    """
    pairs, levels = pairs_of(groups)
    weights = [group.weight(at) for group in groups for at in range(len(group))]
    usable = [at for at, (_, product) in enumerate(pairs) if product in texts]
    if not usable:
        raise InvalidInput("No judged product has a text.", hint="Check the product ids.", field="judgments")
    if out.exists():
        raise InvalidInput(f"{out} is there already.", hint="Name a new folder.", field="out")
    folder = model_folder(base) if base else default_model_folder()
    import torch

    torch.manual_seed(seed)
    net, tokenizer = _loaded(folder, n_levels)
    net.to(device).train()
    steps = epochs * -(-len(usable) // _BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=learning_rate)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / (0.1 * steps + 1), 1 - step / steps)
    )
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        order = random.permutation(usable)
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            logits = _logits(net, tokenizer, [pairs[at] for at in places], texts, max_tokens)
            losses = torch.nn.functional.cross_entropy(
                logits, torch.tensor([levels[at] for at in places], device=device), reduction="none"
            )
            loss = (losses * torch.tensor([weights[at] for at in places], device=device)).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            rate.step()
            advance(float(loss.detach()))
    partial = out.with_name(f"{out.name}.partial")
    net.save_pretrained(str(partial), safe_serialization=True)
    tokenizer.save_pretrained(str(partial))
    partial.rename(out)
    return out


_IDENTIFYING = (".safetensors", ".json", ".txt")


def _loaded(folder: Path, n_levels: int | None) -> tuple[Any, Any]:
    """Classifier and tokenizer; with `n_levels` a new head of so many outputs."""
    try:
        import transformers
    except ImportError as error:
        raise MissingExtra(
            "A cross-encoder needs transformers, which is not installed.",
            hint="Run `pip install 'multirecall[train]'`, or let the trees annotate.",
            package="transformers",
        ) from error
    options = {} if n_levels is None else {"num_labels": n_levels}
    try:
        with quiet_loading():
            net = transformers.AutoModelForSequenceClassification.from_pretrained(
                str(folder), trust_remote_code=False, use_safetensors=True, **options
            )
            return net, transformers.AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise EncoderError(
            f"The model {folder} could not be loaded: {str(error).splitlines()[0]}",
            hint="Name the folder of a BERT-family model with safetensors weights.",
            model=str(folder),
        ) from error


def _logits(
    net: Any, tokenizer: Any, pairs: Sequence[tuple[str, str]], texts: Mapping[str, str], max_tokens: int
) -> Any:
    encoded = tokenizer(
        well_formed([query for query, _ in pairs]),
        well_formed([texts[product] for _, product in pairs]),
        padding=True,
        truncation="only_second",
        max_length=max_tokens,
        return_tensors="pt",
    )
    return net(**{name: tensor.to(net.device) for name, tensor in encoded.items()}).logits
