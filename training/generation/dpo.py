"""Direct preference optimisation of a policy, with a share of fine-tuning that holds the better outputs up.

    L = L_DPO + supervised * L_SFT

L_DPO is `sequence_preference` of log pi(Y | text), per token if asked; L_SFT the cross-entropy of the better outputs.
The loss of a preference looks at differences alone, so both outputs may lose probability to some third one: how far
log pi of the better ones has drifted is measured on held-out pairs, and a fall beyond `most_fall` ends the training
with the weights of the last measurement that was within it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.recall.generation.base import Float32Array
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Ids, Policy, token_log_probs
from multirecall.training.generation.progress import Progress, step_seed
from multirecall.training.generation.scoring import score_tokens
from multirecall.training.losses.preference import BETA

__all__ = ["Preference", "PreferenceFigures", "Preferring", "Reference", "prefer"]

_TIE_NATS = 1e-3
"""Rounding in 32 bits: two models that are nearer than this to each other prefer nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Of two outputs to a text, the better one. `weight`, above 0, is its part of the loss."""

    text: str
    better: Ids
    worse: Ids
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferring:
    """`epochs` over the pairs in batches of `batch`; `rate` is to be a tenth of fine-tuning's, after `warmup` steps.

    `per_token` divides log probabilities by the number of tokens, else longer outputs move more. Held-out pairs are
    measured `measured` times per epoch. `most_fall` is in nats per sequence; infinite, nothing ends the training early.
    """

    epochs: int = 1
    batch: int = 32
    rate: float = 5e-5
    warmup: int = 10
    beta: float = BETA
    supervised: float = 0.1
    per_token: bool = True
    measured: int = 4
    most_fall: float = 0.5

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "measured"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be 1 or more, got {getattr(self, name)}.", field=name)
        for name in ("rate", "beta", "most_fall"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name} must be above 0, got {getattr(self, name)}.", field=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceFigures:
    """On held-out pairs. `accuracy`: the share whose better output has gained more than the worse, both against the
    reference (a tie counts half, so it begins at .5). `margin`: how much more, in nats per sequence. `drift`: what the
    better ones have gained.
    """

    accuracy: float
    margin: float
    drift: float


class Reference:
    """What a frozen model said of each pair, once: log pi of the better and of the worse, shapes (pairs,)."""

    def __init__(self, policy: Policy, pairs: Sequence[Preference]) -> None:
        self.better, self.worse = _log_probs(policy, pairs)

    def figures(self, policy: Policy, pairs: Sequence[Preference]) -> PreferenceFigures:
        """How the policy differs by now, on the pairs that this is the reference of."""
        better, worse = _log_probs(policy, pairs)
        gained = better - self.better
        margins = gained - (worse - self.worse)
        right = np.where(np.abs(margins) < _TIE_NATS, 0.5, margins > 0)
        return PreferenceFigures(
            accuracy=float(right.mean()), margin=float(margins.mean()), drift=float(gained.mean(dtype=np.float64))
        )


def prefer(
    policy: Policy,
    pairs: Sequence[Preference],
    settings: Preferring,
    *,
    held_out: Sequence[Preference],
    seed: int,
    progress: Progress,
    phase: str = "dpo",
) -> PreferenceFigures:
    """Trains the policy in place, from where `progress` stands; the policy as it comes in is the reference.

    The policy must therefore hold the fine-tuned weights, also when a run is resumed. Dropout is off throughout, so
    that the loss of preferences begins at ln 2. Returns the figures of the weights that it leaves.
    """
    torch = required("torch")
    _check(pairs, held_out)
    policy.model.eval()
    asked, unseen = Reference(policy, pairs), Reference(policy, held_out)
    optimiser = torch.optim.AdamW(policy.trained(), lr=settings.rate, weight_decay=0.0)
    per_epoch = -(-len(pairs) // settings.batch)
    last, between = settings.epochs * per_epoch, max(1, per_epoch // settings.measured)
    kept = f"{phase}-kept"
    if not progress.done(phase):
        progress.keep(kept, policy.model)
    start = progress.restore(phase, policy.model, optimiser)
    for step in range(start + 1, last + 1):
        if _fallen(progress):
            break
        drawn = _drawn(torch, len(pairs), step - 1, per_epoch, settings.batch, seed=seed, phase=phase)
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * min(1.0, step / max(1, settings.warmup))
        optimiser.zero_grad()
        row = _learn(torch, policy, [pairs[at] for at in drawn], asked, drawn, settings)
        torch.nn.utils.clip_grad_norm_(policy.trained(), 1.0)
        optimiser.step()
        if step % between == 0 or step == last:
            figures = unseen.figures(policy, held_out)
            row |= {f"held_out_{name}": value for name, value in asdict(figures).items()}
            row["fallen"] = figures.drift < -settings.most_fall
            if not row["fallen"]:
                progress.keep(kept, policy.model)
        progress.step(phase, step, last, policy.model, optimiser, row)
    if _fallen(progress):
        progress.put_back(kept, policy.model)
    return unseen.figures(policy, held_out)


def _fallen(progress: Progress) -> bool:
    return bool(progress.rows and progress.rows[-1].get("fallen"))


def _learn(
    torch: Any,
    policy: Policy,
    batch: Sequence[Preference],
    asked: Reference,
    drawn: Sequence[int],
    settings: Preferring,
) -> dict[str, Any]:
    """Adds the gradient of a batch; returns what the curves show of it."""
    from multirecall.training.losses.sequence_preference import sequence_preference

    texts = [pair.text for pair in batch]
    both = [*(pair.better for pair in batch), *(pair.worse for pair in batch)]
    told, mask = token_log_probs(*policy.logits(policy.model, texts * 2, both))
    lengths = mask.sum(1)
    better, worse = told.sum(1).chunk(2)
    reference = [torch.from_numpy(said[list(drawn)]).to(better.device) for said in (asked.better, asked.worse)]
    over = lengths.chunk(2) if settings.per_token else (1.0, 1.0)
    preference = sequence_preference(
        better / over[0],
        worse / over[1],
        reference=(reference[0] / over[0], reference[1] / over[1]),
        beta=settings.beta,
        weights=better.new_tensor([pair.weight for pair in batch]),
    )
    supervised = -better.sum() / lengths[: len(batch)].sum()
    (preference + settings.supervised * supervised).backward()
    margins = (better - reference[0] - worse + reference[1]).detach()
    return {
        "loss": float((preference + settings.supervised * supervised).detach()),
        "preference": float(preference.detach()),
        "margin": float(margins.mean()),
    }


def _drawn(torch: Any, n: int, at: int, per_epoch: int, size: int, *, seed: int, phase: str) -> list[int]:
    """The pairs of a step counted from 0: each epoch in an order of its own."""
    epoch, part = divmod(at, per_epoch)
    generator = torch.Generator().manual_seed(step_seed(seed, f"{phase} order", epoch))
    order: list[int] = torch.randperm(n, generator=generator).tolist()
    return order[part * size : (part + 1) * size]


def _log_probs(policy: Policy, pairs: Sequence[Preference]) -> tuple[Float32Array, Float32Array]:
    both = [*(pair.better for pair in pairs), *(pair.worse for pair in pairs)]
    scores = score_tokens(policy, [pair.text for pair in pairs] * 2, both)
    told = np.array([row.sum(dtype=np.float64) for row in scores], dtype=np.float32)
    return told[: len(pairs)], told[len(pairs) :]


def _check(pairs: Sequence[Preference], held_out: Sequence[Preference]) -> None:
    if not pairs or not held_out:
        raise InvalidInput(
            "There are no pairs to learn from, or none to measure on.",
            hint="Hold pairs of other queries out.",
            field="held_out" if pairs else "pairs",
        )
    wrong = [pair for pair in (*pairs, *held_out) if not (pair.better and pair.worse) or not pair.weight > 0]
    if wrong:
        raise InvalidInput(
            f"{len(wrong)} pairs have an empty output or a weight not above 0, such as that of {wrong[0].text!r}.",
            field="pairs",
        )
