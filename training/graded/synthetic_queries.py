"""Queries made of products, in three widths, with levels by what the catalogue says (sheet 4, section 3).

| width | query | top level | one below |
|---|---|---|---|
| kind | what its kind is called | products of the kind | |
| attribute | kind with its brand or a value | of the kind, and have it | of the kind |
| need | kind for what its description says it is for | of the kind, and say so | of the kind |

They say what the catalogue says: real shoppers know less of it and mean more, so these are an addition at most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.draws import Dice
from multirecall.training.graded.annotating import LEAST_MARGIN, Annotator, labels, pairs_of
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.tuning.grading import grade_catalogue
from multirecall.training.tuning.queries import Asked, MadeQuery, count_kinds, kind_of
from multirecall.training.tuning.sampling import SampledProduct

__all__ = ["MOST_SYNTHETIC", "WIDTHS", "agreed", "made_of_products", "mixed", "need_phrases", "synthetic_groups"]

WIDTHS = ("kind", "attribute", "need")
MOST_SYNTHETIC = 0.25
"""Of all groups that are trained on."""

_NEED = re.compile(
    r"\b(?:ideal|perfect|suitable|suited|great|designed|made|recommended|intended|excellent)\s+(?:for|to)\s+"
    r"((?:[^\W\d_]+[ '-]?){1,5})",
    re.IGNORECASE,
)
_ENDS = frozenset("a an and any as at by for from in is it its of on or that the their this to with you your".split())  # noqa: SIM905
_MAX_CHARS = 80
_PER_LEVEL = 8
_UNLIMITED = 1 << 31


def need_phrases(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Product ids with what their `description` says they are for ("ideal for small offices"); most have none."""
    for record in records:
        found = _NEED.search(str(record.get("description") or ""))
        words = [word.strip("'-") for word in found[1].lower().split()] if found else []
        while words and words[-1] in _ENDS:
            words.pop()
        while words and words[0] in _ENDS:
            words.pop(0)
        if words:
            yield str(record["id"]), " ".join(words)


def made_of_products(
    products: Sequence[SampledProduct], *, needs: Mapping[str, str] | None = None, n: int, seed: int
) -> list[MadeQuery]:
    """Up to `n` queries of each width, each of another product if there are enough; of equal texts the first is kept.

    `needs` by product id (`need_phrases`). Fewer than `n` where the catalogue says too little.
    """
    kinds = count_kinds(products)
    made: list[MadeQuery] = []
    seen: set[str] = set()
    for width in WIDTHS:
        dice = Dice(seed, f"synthetic {width}")
        found = 0
        for product in dice.shuffled(products):
            if found == n:
                break
            asked = _asked(width, product, kinds, needs or {}, dice)
            if asked is None:
                continue
            text, what = asked
            if text in seen or len(text) > _MAX_CHARS:
                continue
            seen.add(text)
            made.append(
                MadeQuery(
                    qid=f"made-{len(made):05d}", text=text, half="train", kind=width, asked=what, product=product.id
                )
            )
            found += 1
    return made


def synthetic_groups(
    records: Iterable[Mapping[str, Any]],
    queries: Sequence[MadeQuery],
    ids: Sequence[str],
    analyse: Callable[[str], Sequence[str]],
    *,
    top: int,
    seed: int,
    per_level: int = _PER_LEVEL,
    taken: Iterable[str] = (),
) -> list[GradedGroup]:
    """A group for each query, with up to `per_level` products of the level `top`, of the one below, and of level 0.

    `records` are all products with `GRADED_FIELDS`, read once; `ids` all their ids, of which irrelevant ones are drawn;
    `analyse` as in `grade_catalogue`. Queries whose text is in `taken` (those that are tested, say) are left out. The
    column `class` is `made`, `template` the width. Raises InvalidInput unless `top` is 2 or more.
    """
    if top < 2:
        raise InvalidInput(f"Made queries need a level between 0 and the top, got top {top}.", field="top")
    known = {text.casefold() for text in taken}
    queries = [query for query in queries if query.text.casefold() not in known]
    frequency = Counter(word for query in queries for word in set(analyse(query.asked.kind)))
    grades = grade_catalogue(records, queries, frequency, analyse, max_answers=_UNLIMITED, max_partial=_UNLIMITED)
    groups = []
    for query in queries:
        of = grades.get(query.qid, {})
        dice = Dice(seed, f"synthetic group {query.qid}")
        exact = dice.shuffled(sorted(one for one, grade in of.items() if grade == 3.0 and one != query.product))
        near = dice.shuffled(sorted(one for one, grade in of.items() if 0.0 < grade < 3.0))
        drawn = dict.fromkeys(ids[dice.below(len(ids))] for _ in range(4 * per_level))
        others = [one for one in drawn if one not in of]
        chosen = [
            *((one, top) for one in [query.product, *exact][:per_level]),
            *((one, top - 1) for one in near[:per_level]),
            *((one, 0) for one in others[:per_level]),
        ]
        groups.append(
            GradedGroup(
                query=query.text,
                qid=query.qid,
                products=tuple(one for one, _ in chosen),
                grades=tuple(level for _, level in chosen),
                columns={"class": "made", "template": query.kind},
            )
        )
    return groups


def agreed(
    groups: Sequence[GradedGroup], annotator: Annotator, *, least_margin: float = LEAST_MARGIN
) -> list[GradedGroup]:
    """The groups without what the annotator does not confirm: a product of a level above 0 stays if it says that level,
    an irrelevant one if it says 0. Weights are how sure it is. Groups without two levels are left out."""
    said = iter(labels(annotator.grade(pairs_of(groups)[0]), least_margin=least_margin))
    kept = []
    for group in groups:
        found = [(one, level, label) for one, level, label in zip(group.products, group.grades, said, strict=False)]
        sure = [(one, level, label.weight) for one, level, label in found if label is not None and label.level == level]
        if len({level for _, level, _ in sure}) > 1:
            kept.append(
                GradedGroup(
                    query=group.query,
                    qid=group.qid,
                    products=tuple(one for one, _, _ in sure),
                    grades=tuple(level for _, level, _ in sure),
                    weights=tuple(weight for _, _, weight in sure),
                    original=group.original,
                    columns=group.columns,
                )
            )
    return kept


def mixed(
    judged: Sequence[GradedGroup], made: Sequence[GradedGroup], *, share: float = MOST_SYNTHETIC, seed: int
) -> list[GradedGroup]:
    """The judged groups, then as many made ones, drawn by `seed`, as make up at most `share` of all.

    Raises InvalidInput for a share that is not from 0 to below 1.
    """
    if not 0.0 <= share < 1.0:
        raise InvalidInput(f"The share of made queries must be from 0 to below 1, got {share}.", field="share")
    most = int(len(judged) * share / (1.0 - share) + 1e-9)
    drawn = np.random.default_rng(seed).permutation(len(made))[:most]
    return [*judged, *(made[at] for at in sorted(drawn))]


def _asked(
    width: str, product: SampledProduct, kinds: Mapping[str, int], needs: Mapping[str, str], dice: Dice
) -> tuple[str, Asked] | None:
    kind, is_leaf = kind_of(product, kinds)
    if not kind:
        return None
    rest = ""
    text = kind
    if width == "attribute":
        values = [one for one in (product.brand, *product.values) if one and one.lower() not in kind.lower()]
        if not values:
            return None
        rest = dice.pick(values)
        text = f"{rest} {kind}"
    elif width == "need":
        rest = needs.get(product.id, "")
        if not rest:
            return None
        text = f"{kind} for {rest}"
    asked = Asked(leaf=kind, rest=rest) if is_leaf else Asked(kind=kind, rest=rest)
    return " ".join(text.lower().split()), asked
