"""J: whether a rewrite keeps the intent of a query. A small network over a frozen encoder, taught by made pairs.

It knows the concepts that it was taught and little beyond: on unknown concepts it is a guess that follows the
encoder's idea of nearness. What is measured with it there is reported beside a judge that knows the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multirecall.encoders.base import Encoder, Float32Array
from multirecall.evaluation.testbed.draws import Dice
from multirecall.training.generation.extras import required
from multirecall.training.rewriter.data import Assortment, Need
from multirecall.training.rewriter.rewards.likeness import Likeness
from multirecall.training.rewriter.rewards.title_model import words_of

__all__ = ["KeepJudge", "Pair", "judged_pairs", "learn_keep_judge"]

_NEGATIONS = frozenset(["no", "not", "never", "without", "free", "except", "but", "nothing", "avoid", "away"])
_N_SURFACE = 5
_HIDDEN = 192


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    query: str
    rewrite: str
    keeps: bool


def judged_pairs(needs: Sequence[Need], assortment: Assortment, *, per_need: int, seed: int) -> Iterator[Pair]:
    """Pairs that keep and break the intent, about as many of each.

    Breaks: another value of the same attribute (for a refusal that is also the dropped negation: the refused value
    itself is among them), another product type, and an answer to another need. A text that is among the need's own
    `finds` never counts as a break.
    """
    swaps = _swaps(assortment)
    for i, asked in enumerate(needs):
        dice = Dice(seed, f"pairs/{i}")
        own = set(asked.finds)
        for _ in range(per_need):
            find = dice.pick(asked.finds)
            yield Pair(query=asked.text, rewrite=find, keeps=True)
            swapped = _swapped(dice.pick(asked.finds), swaps, dice) if dice.chance(0.5) else None
            broken = swapped or dice.pick(dice.pick(needs).finds)
            if broken not in own and not any(broken in text or text in broken for text in own):
                yield Pair(query=asked.text, rewrite=broken, keeps=False)


def _swaps(assortment: Assortment) -> dict[str, dict[str, tuple[str, ...]]]:
    """Product type to value to the other values of its attribute."""
    return {
        thing: {v: tuple(o for o in values if o != v) for values in attributes.values() for v in values}
        for thing, attributes in assortment.items()
    }


def _swapped(find: str, swaps: dict[str, dict[str, tuple[str, ...]]], dice: Dice) -> str | None:
    """`find` with its one value replaced. None where it names no type, or none or several values.

    With several values some are open: replacing one of those would keep the intent.
    """
    thing = max((t for t in swaps if t in find), key=len, default=None)
    if thing is None:
        return None
    rest = find.replace(thing, " ").strip()
    others = swaps[thing].get(rest)
    return find.replace(rest, dice.pick(others)) if others else None


class KeepJudge:
    """The judge; `score` gives the same for a pair whatever its neighbours."""

    def __init__(self, net: Any, encoder: Encoder) -> None:
        self._net = net
        self._likeness = Likeness(encoder)
        self._known: dict[tuple[str, str], float] = {}

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The probability of each (query, rewrite) that the intent is kept, in their order."""
        torch = required("torch")
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        if new:
            with torch.inference_mode():
                logits = self._net(torch.from_numpy(_features(new, self._likeness)))[:, 0]
                self._known.update(zip(new, torch.sigmoid(logits).tolist(), strict=True))
        return [self._known[pair] for pair in pairs]

    def tensors(self) -> dict[str, Any]:
        """The weights by name, as safetensors stores them."""
        return {name: tensor.contiguous() for name, tensor in self._net.state_dict().items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Any], encoder: Encoder) -> KeepJudge:
        """The judge with these weights; `encoder` must be the one that it was learned with."""
        net = _network(encoder.dim)
        net.load_state_dict(tensors)
        return cls(net.eval(), encoder)


def learn_keep_judge(pairs: Sequence[Pair], encoder: Encoder, *, seed: int, epochs: int = 4) -> KeepJudge:
    """Trains the judge: binary cross-entropy, Adam, batches of 256. Seconds for 10,000 pairs."""
    torch = required("torch")
    likeness = Likeness(encoder)
    likeness.look_up(text for pair in pairs for text in (pair.query, pair.rewrite))
    x = torch.from_numpy(_features([(pair.query, pair.rewrite) for pair in pairs], likeness))
    y = torch.tensor([float(pair.keeps) for pair in pairs])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _network(encoder.dim)
        optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
        for _ in range(epochs):
            for rows in torch.randperm(len(y)).split(256):
                loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x[rows])[:, 0], y[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return KeepJudge(net.eval(), encoder)


def _network(dim: int) -> Any:
    nn = required("torch").nn
    return nn.Sequential(nn.Linear(4 * dim + _N_SURFACE, _HIDDEN), nn.ReLU(), nn.Dropout(0.1), nn.Linear(_HIDDEN, 1))


def _features(pairs: Sequence[tuple[str, str]], likeness: Likeness) -> Float32Array:
    """Both rows, their product and distance by dimension, and what the words themselves say. (n, 4 dim + 5) float32."""
    likeness.look_up(text for pair in pairs for text in pair)
    a = np.stack([likeness.row(query) for query, _ in pairs])
    b = np.stack([likeness.row(rewrite) for _, rewrite in pairs])
    scale = np.float32(np.sqrt(a.shape[1]))  # rows of length 1 have entries too small to learn from quickly
    surface = np.array([_surface(query, rewrite) for query, rewrite in pairs], dtype=np.float32)
    return np.concatenate([a * scale, b * scale, a * b * scale**2, np.abs(a - b) * scale, surface], axis=1)


def _surface(query: str, rewrite: str) -> tuple[float, ...]:
    asked, said = words_of(query), words_of(rewrite)
    negated = next((i for i, word in enumerate(asked) if word in _NEGATIONS), len(asked))
    refused, wanted = set(asked[negated:]) - _NEGATIONS, set(asked[:negated])
    common = set(said)
    return (
        len(common & set(asked)) / max(1, len(common)),
        len(common & wanted) / max(1, len(wanted)),
        len(common & refused) / max(1, len(refused)),
        float(bool(refused)),
        float({w for w in asked if w.isdigit()} <= common),
    )
