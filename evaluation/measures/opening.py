"""A measure from its name, spelled as in ir-measures: `nDCG@10`, `R(rel=2)@100`, `AP`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures.average_precision import AveragePrecision
from multirecall.evaluation.measures.base import Measure
from multirecall.evaluation.measures.bpref import Bpref
from multirecall.evaluation.measures.item_good_rate import ItemGoodRate
from multirecall.evaluation.measures.ndcg import NDCG
from multirecall.evaluation.measures.precision import Precision
from multirecall.evaluation.measures.query_good_rate import QueryGoodRate
from multirecall.evaluation.measures.recall import Recall
from multirecall.evaluation.measures.reciprocal_rank import ReciprocalRank

__all__ = ["MEASURES", "open_measure"]

_FORM = re.compile(r"\s*(?P<name>[A-Za-z]+)\s*(?:\((?P<given>[^()]*)\))?\s*(?:@\s*(?P<k>\d{1,6}))?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How a measure is spelled and made. `needs_k`: True, False (takes none) or None (either)."""

    example: str
    make: Callable[..., Measure]
    parameters: Mapping[str, tuple[str, Callable[[float], float | int | bool]]]
    needs_k: bool | None
    aliases: tuple[str, ...] = ()


_REL: dict[str, tuple[str, Callable[[float], float | int | bool]]] = {"rel": ("min_grade", float)}

MEASURES: Mapping[str, _Kind] = {
    "nDCG": _Kind(example="nDCG@10", make=NDCG, parameters={}, needs_k=True),
    "R": _Kind(example="R(rel=2)@100", make=Recall, parameters=_REL, needs_k=True, aliases=("recall",)),
    "P": _Kind(example="P@10", make=Precision, parameters=_REL, needs_k=True, aliases=("precision",)),
    "RR": _Kind(example="RR@10", make=ReciprocalRank, parameters=_REL, needs_k=None, aliases=("mrr",)),
    "AP": _Kind(example="AP@100", make=AveragePrecision, parameters=_REL, needs_k=None, aliases=("map",)),
    "Bpref": _Kind(example="Bpref", make=Bpref, parameters=_REL, needs_k=False),
    "ItemGoodRate": _Kind(
        example="ItemGoodRate@10", make=ItemGoodRate, parameters=_REL, needs_k=True, aliases=("igr",)
    ),
    "QueryGoodRate": _Kind(
        example="QueryGoodRate(good=5)@10",
        make=QueryGoodRate,
        parameters={**_REL, "good": ("n_good", int), "reachable": ("reachable", bool)},
        needs_k=True,
        aliases=("qgr",),
    ),
}
"""The measures by name."""

_BY_SPELLING = {spelling: kind for name, kind in MEASURES.items() for spelling in (name.lower(), *kind.aliases)}


def open_measure(text: str) -> Measure:
    """The measure of that name; names are read without regard to case, `MRR`, `MAP`, `Recall`, … are aliases.

    `rel` is the least grade that counts as relevant. Raises InvalidInput that names what is wrong and what would be
    right: an unknown name or parameter, a depth that is missing or not taken.
    """
    found = _FORM.fullmatch(text)
    kind = _BY_SPELLING.get(found["name"].lower()) if found else None
    if found is None or kind is None:
        known = ", ".join(kind.example for kind in MEASURES.values())
        raise InvalidInput(f"{text!r} is no measure.", hint=f"Measures: {known}.", field="measures")
    if (found["k"] is None) is (kind.needs_k is True) and kind.needs_k is not None:
        wrong = "needs a depth" if kind.needs_k else "looks at the whole ranking and takes no depth"
        raise InvalidInput(f"Measure {text!r} {wrong}.", hint=f"For instance {kind.example}.", field="measures")
    arguments: dict[str, float | int | bool] = {} if found["k"] is None else {"k": int(found["k"])}
    for part in (found["given"] or "").split(","):
        if not part.strip():
            continue
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in kind.parameters:
            known = ", ".join(kind.parameters) or "none"
            raise InvalidInput(
                f"Measure {text!r} has no parameter {name!r}.", hint=f"It takes: {known}.", field="measures"
            )
        field, convert = kind.parameters[name]
        try:
            number = float(value)
        except ValueError:
            raise InvalidInput(f"Measure {text!r}: {name} is {value!r}, not a number.", field="measures") from None
        if convert is int and not number.is_integer():
            raise InvalidInput(f"Measure {text!r}: {name} must be a whole number.", field="measures")
        arguments[field] = convert(number)
    return kind.make(**arguments)
