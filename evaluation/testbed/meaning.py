"""What a query asks for, as data: the ground from which grades follow by rule.

A Meaning is met by a product that meets one of its answers. An answer names product types and constraints:
grade 3 (exact) = a type of the answer, every constraint met; 2 (substitute) = a type of the answer, every hard
constraint met, a soft one violated; 1 (complement) = another type, linked to an answer's type and compatible;
0 = the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Answer", "Constraint", "Meaning", "Operator"]

Operator = Literal["is", "is not", "at most"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One demand. `attribute` is an attribute of the type, or `brand`, `model`, `compatible_with`, `price`.

    `value` is text, or for `price` an integer number of cents. `ref` is the model's ordinal where the value is the
    name of a model; it says nothing that the name does not.
    """

    attribute: str
    value: str | int
    op: Operator = "is"
    hard: bool = False
    ref: int = field(default=-1, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The constraint as `constraints.jsonl` holds it."""
        return {"attribute": self.attribute, "op": self.op, "value": self.value, "hard": self.hard}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Product types (keys) that answer, and what must hold for them."""

    types: tuple[str, ...]
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One answer, or several of which each will do."""

    answers: tuple[Answer, ...]

    @property
    def signature(self) -> str:
        """A text that is the same for two queries exactly when they ask for the same."""
        return " | ".join(
            sorted(
                "+".join(sorted(a.types)) + "".join(sorted(f"; {c.attribute} {c.op} {c.value}" for c in a.constraints))
                for a in self.answers
            )
        )

    def to_list(self) -> list[dict[str, Any]]:
        """The answers as `constraints.jsonl` holds them."""
        return [{"types": list(a.types), "constraints": [c.to_dict() for c in a.constraints]} for a in self.answers]
