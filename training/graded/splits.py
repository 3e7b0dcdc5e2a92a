"""Groups dealt to training and test so that nothing of one is known from the other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import orjson

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.queries import JudgedQuery
from multirecall.training.blender.folds import deal_bundles
from multirecall.training.clicks.table import query_key
from multirecall.training.graded.groups import GradedGroup

__all__ = ["CONCEPTS", "bed_queries", "by_split_column", "check_disjoint", "deal_groups", "split_groups"]

CONCEPTS = ("concept", "signature")
"""Columns whose equal values mean one need in other words: what the generated bed says of its queries."""

_MIN_LETTERS = 6
_SHOWN = 10
_NUMBERS = re.compile(r"\d+")


def deal_groups(
    groups: Sequence[GradedGroup], n_folds: int, *, seed: int, together: Sequence[str] = CONCEPTS
) -> list[list[GradedGroup]]:
    """`n_folds` lists of about the same size, by `seed`; classes (column `class`) are spread.

    Kept in one fold: equal texts (case and spaces aside), texts that are one slip apart and have the same numbers, a
    copy and its original, and queries with the same value in a column of `together`. Raises InvalidInput for fewer than
    2 folds or too few queries.
    """
    return deal_bundles(
        [(bundle[0].columns.get("class", ""), bundle) for bundle in _bundles(groups, together)], n_folds, seed=seed
    )


def split_groups(
    groups: Sequence[GradedGroup],
    *,
    dev: float = 0.1,
    test: float = 0.2,
    seed: int,
    together: Sequence[str] = CONCEPTS,
) -> dict[str, list[GradedGroup]]:
    """`train`, `dev` and `test` in about these shares, nothing of one known from another as by `deal_groups`.

    Raises InvalidInput for shares that leave nothing to train on, or too few queries.
    """
    if not (dev > 0.0 and test > 0.0 and dev + test < 1.0):
        raise InvalidInput(f"Shares of dev ({dev}) and test ({test}) must be above 0, below 1 together.", field="split")
    parts = 20
    n_dev, n_test = max(1, round(dev * parts)), max(1, round(test * parts))
    n_bundles = len(_bundles(groups, together))
    if n_bundles < parts:  # so few that every part is one bundle
        parts = n_bundles
        n_dev, n_test = max(1, round(dev * parts)), max(1, round(test * parts))
    if parts < n_dev + n_test + 1:
        raise InvalidInput(
            f"{n_bundles} different queries cannot be split into train, dev and test.",
            hint="Judge more queries (multirecall pool): it takes fifty to learn anything.",
            field="judgments",
        )
    folds = deal_groups(groups, parts, seed=seed, together=together)
    cuts = {"dev": folds[:n_dev], "test": folds[n_dev : n_dev + n_test], "train": folds[n_dev + n_test :]}
    return {name: [group for fold in cuts[name] for group in fold] for name in ("train", "dev", "test")}


def by_split_column(
    groups: Sequence[GradedGroup], *, together: Sequence[str] = (*CONCEPTS, "template")
) -> dict[str, list[GradedGroup]]:
    """The groups by their column `split`, checked: the generated bed's splits share no text, need, concept or template.

    Raises InvalidInput, with rows, for groups without the column, and as `check_disjoint`.
    """
    lacking = [group for group in groups if not group.columns.get("split")]
    if lacking:
        raise InvalidInput(
            f"{len(lacking)} of {len(groups)} queries have no split.",
            hint="Let the queries be split, or fill the column `split`.",
            field="split",
            rows=[f"qid {group.qid} {group.query!r}" for group in lacking[:_SHOWN]],
        )
    parts: dict[str, list[GradedGroup]] = {}
    for group in groups:
        parts.setdefault(group.columns["split"], []).append(group)
    check_disjoint(parts, together=together)
    return parts


def check_disjoint(parts: Mapping[str, Sequence[GradedGroup]], *, together: Sequence[str] = CONCEPTS) -> None:
    """Raises InvalidInput that names the rows, if something that `deal_groups` keeps together is in two parts."""
    part_of = {id(group): name for name, groups in parts.items() for group in groups}
    leaks = []
    for bundle in _bundles([group for groups in parts.values() for group in groups], together):
        by_part = {part_of[id(group)]: group for group in bundle}
        if len(by_part) > 1:
            leaks.append(", ".join(f"{group.query!r} (qid {group.qid}) in {part}" for part, group in by_part.items()))
    if leaks:
        raise InvalidInput(
            f"{len(leaks)} queries, or copies of them, are in two splits: {'; '.join(leaks[:_SHOWN])}"
            f"{' …' if len(leaks) > _SHOWN else ''}.",
            hint="What is trained on would be tested: move them, or let the queries be split anew.",
            field="split",
            rows=leaks[:_SHOWN],
        )


def bed_queries(folder: Path) -> list[JudgedQuery]:
    """The queries of a generated test bed (`multirecall sample`), with the columns class, tier, split, concept,
    template and signature. Raises InvalidSource for a folder that holds none."""
    file = folder / "constraints.jsonl"
    try:
        rows = [orjson.loads(line) for line in file.read_bytes().splitlines() if line.strip()]
        return [
            JudgedQuery(
                qid=row["qid"],
                text=row["query"],
                columns={
                    name: str(row[name] or "")
                    for name in ("class", "tier", "split", "concept", "template", "signature")
                },
            )
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidSource(
            f"{file} cannot be read as the queries of a generated test bed: {error}.",
            hint="Make one: multirecall sample --out FOLDER.",
            field="queries",
            file=str(file),
        ) from error


def _bundles(groups: Sequence[GradedGroup], together: Sequence[str]) -> list[list[GradedGroup]]:
    """What must not be parted, in the order of first members: connected by any shared mark."""
    parent = list(range(len(groups)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[tuple[str, str], int] = {}
    for at, group in enumerate(groups):
        for mark in _marks(group, together):
            before = root(first.setdefault(mark, at))
            parent[max(before, root(at))] = min(before, root(at))
    found: dict[int, list[GradedGroup]] = defaultdict(list)
    for at, group in enumerate(groups):
        found[root(at)].append(group)
    return list(found.values())


def _marks(group: GradedGroup, together: Sequence[str]) -> Iterable[tuple[str, str]]:
    yield "qid", group.original or group.qid
    text = query_key(group.query)
    yield "text", text
    numbers = " ".join(_NUMBERS.findall(text))
    if sum(char.isalpha() for char in text) >= _MIN_LETTERS:
        # Two texts one edit apart are equal once a letter of each, or of one, is taken out.
        yield "slip", f"{text}|{numbers}"
        for at, char in enumerate(text):
            if not char.isdigit():
                yield "slip", f"{text[:at]}{text[at + 1 :]}|{numbers}"
    for name in together:
        if group.columns.get(name):
            yield name, group.columns[name]
