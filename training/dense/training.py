"""The training of a two-tower encoder: mixed batches of pairs, InfoNCE, Adam; seeded, resumable, written whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.encoders.fingerprint import fingerprint
from multirecall.training.blender.placing import may_replace, written_whole
from multirecall.training.dense.base import Tower
from multirecall.training.dense.learning import Pace, learn
from multirecall.training.dense.pairs import Mixture, Pair, known_answers
from multirecall.training.losses.info_nce import TEMPERATURE, info_nce

__all__ = ["DenseSettings", "TrainedTower", "check_encoder_target", "train_tower", "write_encoder"]

CARD = "card.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseSettings:
    """`shares` of each batch by source. `learning_rate` 0 takes the tower's own; it rises over the first tenth of the
    steps and falls to 0 as a cosine. `checkpoint_every` steps the state is kept, if there is a file for it."""

    steps: int = 400
    batch: int = 128
    shares: Mapping[str, float] = field(default_factory=lambda: {"click": 0.8, "syn": 0.2})
    temperature: float = TEMPERATURE
    learning_rate: float = 0.0
    warm_up: float = 0.1
    seed: int = 0
    checkpoint_every: int = 50

    def __post_init__(self) -> None:
        self.pace(1.0)  # raises for what it cannot keep

    def pace(self, own_rate: float) -> Pace:
        """With the tower's own learning rate where none is given."""
        return Pace(
            steps=self.steps,
            learning_rate=self.learning_rate or own_rate,
            warm_up=self.warm_up,
            checkpoint_every=self.checkpoint_every,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedTower:
    """What a training was: `losses` per step that was done here (a resumed one begins in the middle), and the card."""

    losses: Sequence[float]
    card: Mapping[str, Any]


def train_tower(
    tower: Tower,
    sources: Mapping[str, Sequence[Pair]],
    texts: Mapping[str, str],
    settings: DenseSettings,
    *,
    checkpoint: Path | None = None,
    on_step: Callable[[int, int], None] = lambda done, steps: None,
) -> TrainedTower:
    """Trains the tower in place; blocks until done. The same arguments give the same weights, also after a kill.

    `texts` are the products' texts by id, as the index encodes them. Products of a batch that are known to answer a
    query of it, from any source and whatever its share, are no wrong answers for it. With a `checkpoint` file a
    training that was interrupted goes on where it was; the file is removed at the end. `on_step` may raise to stop.

    Raises InvalidInput for pairs of products without a text (naming them) and for a mixture that cannot be had.
    """
    _check_texts(sources, texts)
    mixture = Mixture(sources, settings.shares, batch=settings.batch, seed=settings.seed)
    known = known_answers(pair for pairs in sources.values() for pair in pairs)
    used = [pair for name in mixture.counts for pair in sources[name]]
    tower.prepare([text for pair in used for text in (pair.query, texts[pair.product])])
    identity = _identity(tower, sources, texts, settings)

    def loss_of(step: int) -> torch.Tensor:
        batch = mixture.batch(step)
        return info_nce(
            tower.encode([pair.query for pair in batch]),
            tower.encode([texts[pair.product] for pair in batch]),
            known=_known_of(batch, known),
            temperature=settings.temperature,
        )

    losses = learn(
        tower,
        loss_of,
        settings.pace(tower.learning_rate),
        identity=identity,
        checkpoint=checkpoint,
        on_step=on_step,
    )
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    card = {
        "kind": tower.encoder_kind,
        "base": tower.fingerprint,
        "training": identity,
        "settings": asdict(settings),
        "pairs": {name: len(sources[name]) for name in mixture.counts},
        "queries": {name: len({pair.query for pair in sources[name]}) for name in mixture.counts},
        "loss": round(sum(losses[-20:]) / max(1, len(losses[-20:])), 4),
    }
    return TrainedTower(losses=losses, card=card)


def write_encoder(
    tower: Tower, card: Mapping[str, Any], folder: Path, *, beside: Callable[[Path], None] = lambda made: None
) -> str:
    """Writes the encoder in one step, in the place of one that lies there; returns the specification that opens it.
    `beside` may write more into the folder while it is made.

    Raises InvalidSettings if something else lies there, or it cannot be written; then nothing has changed.
    """
    check_encoder_target(folder)
    with written_whole(folder) as made:
        beside(made)
        tower.write(made)
        (made / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        for one in made.rglob("*"):  # others serve it; safetensors writes for its owner alone
            one.chmod(0o755 if one.is_dir() else 0o644)
    return f"{tower.encoder_kind}:{folder}"


def check_encoder_target(folder: Path) -> None:
    """Raises InvalidSettings if something lies there that is no trained encoder."""
    if not may_replace(folder, CARD):
        raise InvalidSettings(f"{folder} exists and is no trained encoder.", hint="Choose another folder.", field="out")


def _known_of(batch: Sequence[Pair], known: Mapping[str, frozenset[str]]) -> torch.Tensor:
    """Shape (batch, batch): whether the product of the column is known to answer the query of the row."""
    return torch.from_numpy(np.array([[other.product in known[pair.query] for other in batch] for pair in batch]))


def _check_texts(sources: Mapping[str, Sequence[Pair]], texts: Mapping[str, str]) -> None:
    missing = sorted({pair.product for pairs in sources.values() for pair in pairs if pair.product not in texts})
    if missing:
        raise InvalidInput(
            f"{len(missing)} products of the pairs are not in the catalogue: {', '.join(missing[:3])}.",
            hint="Make the pairs from the same catalogue.",
            field="product",
        )
    blank = [pair for pairs in sources.values() for pair in pairs if not any(c.isalnum() for c in pair.query)]
    if blank:
        raise InvalidInput(f"{len(blank)} pairs have a query without a letter or digit.", field="query")


def _identity(
    tower: Tower, sources: Mapping[str, Sequence[Pair]], texts: Mapping[str, str], settings: DenseSettings
) -> str:
    """16 hex digits over all that the weights depend on."""
    shown = {key: value for key, value in asdict(settings).items() if key != "checkpoint_every"}
    pairs = {name: [[pair.query, pair.product, texts[pair.product]] for pair in sources[name]] for name in sources}
    return fingerprint({"tower": tower.fingerprint, "settings": shown, "pairs": pairs})
