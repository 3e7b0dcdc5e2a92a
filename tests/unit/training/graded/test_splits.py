from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.testbed.sample import write_sample
from multirecall.training.graded.augmenting import with_slips
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.graded.splits import bed_queries, by_split_column, check_disjoint, deal_groups, split_groups
from tests.unit.training.graded.groups import group

WORDS = ("laser printer", "desk lamp", "phone case", "garden hose", "coffee mug", "running shoes", "winter coat")
QUERIES = [group(f"q{at}", f"{WORDS[at % 7]} {at * 37}", **{"class": "ab"[at % 2]}) for at in range(40)]


def _part_of(parts: Sequence[Sequence[GradedGroup]]) -> dict[str, int]:
    return {one.qid: number for number, part in enumerate(parts) for one in part}


def test_folds_have_all_groups_once_and_each_class_evenly() -> None:
    folds = deal_groups(QUERIES, 4, seed=1)
    assert sorted(one.qid for fold in folds for one in fold) == sorted(one.qid for one in QUERIES)
    assert [[one.columns["class"] for one in fold].count("a") for fold in folds] == [5, 5, 5, 5]
    assert _part_of(folds) == _part_of(deal_groups(QUERIES, 4, seed=1)) != _part_of(deal_groups(QUERIES, 4, seed=2))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (group("a", "Garden  Hose"), group("b", "garden hose"), True),
        (group("a", "garden hose"), group("b", "graden hose"), True),
        (group("a", "garden hose"), group("b", "gaarden hose"), True),
        (group("a", "garden hose"), group("b", "gard hose"), False),
        (group("a", "toner lj 1020"), group("b", "toner lj 1022"), False),
        (group("a", "pen"), group("b", "pan"), False),
        (group("a", "garden hose"), group("b", "something else", original="a"), True),
        (group("a", "get rid of mould", concept="mould"), group("b", "black spots", concept="mould"), True),
        (group("a", "get rid of mould", concept=""), group("b", "black spots", concept=""), False),
    ],
)
def test_what_knows_of_each_other_stays_together(first: GradedGroup, second: GradedGroup, together: bool) -> None:
    parted = [_part_of(deal_groups([first, *QUERIES, second], 5, seed=seed)) for seed in range(8)]
    assert all(parts["a"] == parts["b"] for parts in parted) is together


def test_what_is_connected_by_a_third_stays_together() -> None:
    chain = [group("a", "red shoes", concept="x"), group("b", "blue shirt", concept="x"), group("c", "blue shirts")]
    for seed in range(8):
        parts = _part_of(deal_groups([*chain, *QUERIES], 5, seed=seed))
        assert len({parts[one.qid] for one in chain}) == 1


def test_misspelt_copies_follow_their_originals() -> None:
    augmented = with_slips(QUERIES, share=1.0, seed=3)
    assert len(augmented) == 2 * len(QUERIES)
    parts = split_groups(augmented, dev=0.1, test=0.2, seed=5)
    check_disjoint(parts)
    sizes: Mapping[str, int] = {name: len(part) for name, part in parts.items()}
    assert sizes == {"train": 56, "dev": 8, "test": 16}


def test_a_leak_is_named_with_its_rows() -> None:
    with pytest.raises(InvalidInput, match=r"'lamp' \(qid a\) in train, 'Lamp' \(qid b\) in test") as caught:
        check_disjoint({"train": [group("a", "lamp")], "test": [group("b", "Lamp")]})
    assert len(caught.value.data["rows"]) == 1


def test_too_few_queries_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 different queries cannot be split"):
        split_groups(QUERIES[:2], seed=0)
    with pytest.raises(InvalidInput, match="cannot be dealt to 3 folds"):
        deal_groups(QUERIES[:2], 3, seed=0)
    three = split_groups(QUERIES[:3], seed=0)
    assert [len(three[name]) for name in ("train", "dev", "test")] == [1, 1, 1]


def test_the_splits_of_the_generated_bed_share_nothing(tmp_path: Path) -> None:
    write_sample(tmp_path / "bed", products=300, queries=80, seed=5)
    queries = bed_queries(tmp_path / "bed")
    groups = [group(one.qid, one.text, **one.columns) for one in queries]
    parts = by_split_column(groups)
    assert set(parts) == {"train", "dev", "test"}
    assert sum(len(part) for part in parts.values()) == len(queries) > 40
    with pytest.raises(InvalidInput, match="have no split"):
        by_split_column([*groups, group("x", "no split")])
    with pytest.raises(InvalidSource, match="multirecall sample"):
        bed_queries(tmp_path)
