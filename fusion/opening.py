"""A fusion method from its written form: `rrf`, `rrf?k=20`, `weighted_sum?lexical=0.3&dense=0.7`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from multirecall.core.errors import InvalidSettings
from multirecall.fusion.base import Fusion
from multirecall.fusion.rrf import RRF
from multirecall.fusion.weighted_sum import WeightedSum

__all__ = ["FUSIONS", "open_fusion"]


def _rrf(parameters: Mapping[str, float]) -> Fusion:
    weights = {name: value for name, value in parameters.items() if name != "k"}
    return RRF(k=parameters.get("k", 60.0), weights=weights or None)


def _weighted_sum(parameters: Mapping[str, float]) -> Fusion:
    return WeightedSum(weights=dict(parameters) or None)


FUSIONS: Mapping[str, Callable[[Mapping[str, float]], Fusion]] = {"rrf": _rrf, "weighted_sum": _weighted_sum}


def open_fusion(spec: str) -> Fusion:
    """The fusion method that `spec` writes down; its parameters are `k` (RRF) and a weight per route name.

    Raises InvalidSettings for an unknown method or a parameter that is no number.
    """
    name, _, tail = spec.strip().partition("?")
    make = FUSIONS.get(name)
    if make is None:
        raise InvalidSettings(
            f"Unknown fusion {name!r}.", hint=f"Use one of: {', '.join(sorted(FUSIONS))}.", field="fusion"
        )
    parameters: dict[str, float] = {}
    for key, value in parse_qsl(tail, keep_blank_values=True):
        try:
            parameters[key] = float(value)
        except ValueError:
            raise InvalidSettings(f"Fusion {name}: {key}={value!r} is no number.", field="fusion") from None
    return make(parameters)
