"""Which routes a query can do without, decided before anything is sent: a short list of rules that can be read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.query import Query
from multirecall.recall.query_shape import SHAPE, QueryShape

__all__ = ["Condition", "RoutePolicy", "RulePolicy", "SkipRule"]

FORMAT = 1
MAX_CONDITIONS = 2
_FEATURES = {feature.name: feature for feature in SHAPE}
_FLAGS = {
    "part_number": ("without a part number", "with a part number"),
    "sentence": ("keywords", "a sentence"),
    "foreign": ("not in another language", "in another language"),
    "known_brand": ("without a known brand", "with a known brand"),
}


class RoutePolicy(Protocol):
    """A pure value: the same query gets the same answer, and nothing is asked for it."""

    def skips(self, query: Query) -> Mapping[str, str]:
        """The routes to leave out, each with the reason as the answer will show it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A feature of the query's shape is above the threshold (`above`), or at most the threshold."""

    feature: str
    above: bool
    threshold: float

    def __post_init__(self) -> None:
        if self.feature not in _FEATURES:
            raise InvalidInput(
                f"A query has no feature {self.feature!r}.",
                hint=f"Features: {', '.join(f.name for f in SHAPE)}.",
                field="feature",
            )

    def __str__(self) -> str:
        if self.feature in _FLAGS:
            return _FLAGS[self.feature][self.above]
        whole = math.floor(self.threshold) + self.above  # thresholds lie between whole numbers
        feature = _FEATURES[self.feature]
        if not self.above and not whole:
            return f"no {feature.one}"
        counted = f"{whole} {feature.one if whole == 1 else feature.many}"
        return f"{counted} or more" if self.above else f"at most {counted}"

    def holds(self, value: float) -> bool:
        return value > self.threshold if self.above else value <= self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRule:
    """Leaves `route` out for queries that meet all conditions: one, or two at most, so that a rule can be read."""

    route: str
    when: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.route or not 1 <= len(self.when) <= MAX_CONDITIONS:
            raise InvalidInput(f"A rule needs a route and 1 or {MAX_CONDITIONS} conditions.", field="rules")

    def __str__(self) -> str:
        return ", ".join(map(str, self.when))

    def holds(self, query: Query, shape: QueryShape) -> bool:
        return all(condition.holds(shape.value(condition.feature, query)) for condition in self.when)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RulePolicy:
    """The first rule that holds decides for its route. `card` says how it was learned and what it saves and costs."""

    rules: tuple[SkipRule, ...]
    shape: QueryShape = field(default_factory=QueryShape)
    card: Mapping[str, Any] = field(default_factory=dict)

    def skips(self, query: Query) -> Mapping[str, str]:
        """Routes to leave out with the rule that says so; some microseconds per rule."""
        found: dict[str, str] = {}
        for rule in self.rules:
            if rule.route not in found and rule.holds(query, self.shape):
                found[rule.route] = f"the route policy leaves it out: {rule}"
        return found

    def to_json(self) -> str:
        """The text of a policy file; `from_json` reads it."""
        rules = [
            {
                "route": rule.route,
                "says": str(rule),
                "when": [{"feature": c.feature, "above" if c.above else "at_most": c.threshold} for c in rule.when],
            }
            for rule in self.rules
        ]
        body = {"format": FORMAT, "rules": rules, "card": dict(self.card), "brands": sorted(self.shape.brands)}
        return json.dumps(body, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RulePolicy:
        """The policy that `to_json` wrote, or a person: `says`, `card` and `brands` may be left out.

        Raises InvalidSettings that says what is wrong.
        """
        try:
            body = json.loads(text)
            if body["format"] != FORMAT:
                raise _unusable(f"it has format {body['format']}, this version reads format {FORMAT}")
            return cls(
                rules=tuple(
                    SkipRule(route=str(rule["route"]), when=tuple(_condition(one) for one in rule["when"]))
                    for rule in body["rules"]
                ),
                shape=QueryShape(brands=frozenset(str(brand) for brand in body.get("brands", ()))),
                card=dict(body.get("card", {})),
            )
        except InvalidSettings:
            raise
        except InvalidInput as error:
            raise _unusable(error.message.rstrip(".")) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unusable(f"it is broken ({type(error).__name__}: {error})") from None


def _condition(body: Mapping[str, Any]) -> Condition:
    above = "above" in body
    return Condition(feature=str(body["feature"]), above=above, threshold=float(body["above" if above else "at_most"]))


def _unusable(why: str) -> InvalidSettings:
    return InvalidSettings(
        f"The route policy cannot be used: {why}.",
        hint="Learn it again: multirecall routes-report --learn PATH. Or leave MULTIRECALL_ROUTE_POLICY empty.",
        field="route_policy",
    )
