"""Which calibration: the one that predicts queries better that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration.base import Calibration, Floats, checked_examples
from multirecall.fusion.calibration.isotonic import Isotonic
from multirecall.fusion.calibration.platt import Platt

__all__ = ["CALIBRATIONS", "Choice", "calibration_from", "choose"]

CALIBRATIONS: Mapping[str, type[Isotonic] | type[Platt]] = MappingProxyType({"platt": Platt, "isotonic": Isotonic})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The calibration, fitted to all examples, and why it was taken.

    `log_loss` of each kind is the mean over held-out examples, `margin` by how much the loser is worse per query, with
    its standard error. `out_of_fold`: for each example the probability by a fit of the chosen kind that had not seen
    its query, in the order given: what thresholds and reliability are measured on. Shape (n,).
    """

    calibration: Calibration
    kind: str
    reason: str
    log_loss: Mapping[str, float]
    margin: float
    margin_error: float
    out_of_fold: Floats

    def to_dict(self) -> dict[str, Any]:
        """For the model card: JSON values, without the probabilities."""
        return {
            "kind": self.kind,
            "reason": self.reason,
            "log_loss": dict(self.log_loss),
            "margin": self.margin,
            "margin_error": self.margin_error,
        }


def choose(
    scores: ArrayLike,
    relevant: ArrayLike,
    queries: Sequence[str],
    weights: ArrayLike | None = None,
    *,
    folds: int = 5,
    seed: int = 7,
) -> Choice:
    """Platt unless isotonic is better on unseen queries by more than one standard error.

    Queries are dealt to `folds` folds by `seed` (never examples: products of one query resemble each other); each kind
    is fitted to the other folds and predicts its own. The rule leans to Platt because isotonic has as many parameters
    as it likes, is flat outside the scores it has seen, and ties what it pools.

    Raises InvalidInput for fewer than two queries or folds, for arrays that do not match, and if a fold leaves
    relevant or irrelevant examples only.
    """
    all_weights = np.ones(len(queries)) if weights is None else np.asarray(weights, dtype=np.float64)
    if np.shape(scores) != (len(queries),):
        raise InvalidInput(f"{len(queries)} queries for scores of shape {np.shape(scores)}.", field="queries")
    checked_examples(scores, relevant, all_weights)
    x, y, w = np.asarray(scores, np.float64), np.asarray(relevant, np.float64), all_weights
    names, of = np.unique(np.asarray(queries, dtype=object).astype(str), return_inverse=True)
    of = of.reshape(-1)
    if len(names) < 2 or folds < 2:
        raise InvalidInput(
            f"{len(names)} queries in {folds} folds cannot be held out.", hint="Use two or more.", field="queries"
        )
    fold_of_query = np.random.default_rng(seed).permutation(len(names)) % min(folds, len(names))
    fold = fold_of_query[of]
    held_out = {kind: np.empty(len(x)) for kind in CALIBRATIONS}
    for number in range(int(fold.max()) + 1):
        inside, outside = fold == number, fold != number
        for kind, calibration in CALIBRATIONS.items():
            held_out[kind][inside] = calibration.fit(x[outside], y[outside], w[outside])(x[inside])
    loss = {kind: _losses(p, y) for kind, p in held_out.items()}
    of_query = np.bincount(of, weights=w)
    asked = of_query > 0.0
    per_query = np.bincount(of, weights=w * (loss["platt"] - loss["isotonic"]))[asked] / of_query[asked]
    gain, error = float(per_query.mean()), float(per_query.std(ddof=1) / np.sqrt(len(per_query)))
    kind = "isotonic" if gain > error else "platt"
    told = f"on unseen queries isotonic changes the log loss by {-gain:+.4f} a query (standard error {error:.4f})"
    reason = f"{told}: {'more than one standard error' if kind == 'isotonic' else 'not worth its freedom'}"
    return Choice(
        calibration=CALIBRATIONS[kind].fit(x, y, w),
        kind=kind,
        reason=reason,
        log_loss={name: float(np.average(values, weights=w)) for name, values in loss.items()},
        margin=abs(gain),
        margin_error=error,
        out_of_fold=held_out[kind],
    )


def calibration_from(values: Mapping[str, Any]) -> Calibration:
    """The calibration that `to_dict` of either kind wrote. Raises InvalidInput for an unknown kind."""
    kind = CALIBRATIONS.get(str(values.get("kind")))
    if kind is None:
        raise InvalidInput(
            f"Unknown calibration {values.get('kind')!r}.", hint=f"Known: {', '.join(CALIBRATIONS)}.", field="kind"
        )
    return kind.from_dict(values)


def _losses(p: Floats, y: Floats) -> Floats:
    """The log loss of each example, in nats."""
    losses: Floats = -(y * np.log(p) + (1.0 - y) * np.log1p(-p))
    return losses
