from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from multirecall.evaluation.testbed.knowledge import KINDS, surface_words
from multirecall.evaluation.testbed.queries import CLASS_SHARES
from multirecall.evaluation.testbed.splits import SPLIT_SHARES, SPLITS, split_by_rank
from multirecall.evaluation.testbed.world import read_table
from tests.unit.evaluation.testbed.bed import Bed

_WORD = re.compile(r"[^\W_]+")


def test_every_class_subtype_tier_and_split_occurs(bed: Bed) -> None:
    assert {q["class"] for q in bed.queries} == set(CLASS_SHARES)
    assert {c["subtype"] for c in bed.constraints if c["class"] == "knowledge"} == set(KINDS)
    assert {c["subtype"] for c in bed.constraints if c["class"] == "foreign"} == {"de", "fr", "es", "it", "nl"}
    assert {q["tier"] for q in bed.queries} == {"head", "torso", "tail", "once"}
    shares = Counter(q["split"] for q in bed.queries)
    for split, share in SPLIT_SHARES.items():
        assert shares[split] / len(bed.queries) == pytest.approx(share, abs=0.05)


def test_query_texts_and_ids_are_unique_and_clean(bed: Bed) -> None:
    texts = [q["query"] for q in bed.queries]
    assert len(set(texts)) == len(texts)
    assert len({q["qid"] for q in bed.queries}) == len(texts)
    assert not [text for text in texts if "{" in text or "  " in text or text != text.strip()]


@pytest.mark.parametrize("what", ["query", "concept", "template", "signature"])
def test_no_split_shares_anything_with_another(bed: Bed, what: str) -> None:
    splits = defaultdict(set)
    for row in bed.constraints:
        if what == "signature" and row["class"] == "knowledge":
            continue  # two concepts may have the same answer; they share no word (see the concept test)
        splits[row[what]].add(row["split"])
    assert [key for key, found in splits.items() if len(found) > 1] == []


def test_knowledge_wordings_use_no_word_of_any_title(bed: Bed) -> None:
    titles = {word for row in bed.catalogue for word in _WORD.findall(row["title"].lower())}
    said = {word for concept in bed.concepts for text in concept["say"] for word in surface_words(text)}
    frames = {
        word
        for kind in read_table("templates")["knowledge"].values()
        for texts in kind.values()
        for text in texts
        for word in surface_words(text.replace("{say}", ""))
    }
    assert sorted((said | frames) & titles) == []


def test_concepts_are_split_in_shares_and_have_many_wordings(bed: Bed) -> None:
    for kind in KINDS:
        splits = Counter(c["split"] for c in bed.concepts if c["kind"] == kind)
        total = sum(splits.values())
        assert total >= 50
        for split in SPLITS:
            assert splits[split] / total == pytest.approx(SPLIT_SHARES[split], abs=0.02)
        assert sum(len(texts) for texts in read_table("templates")["knowledge"][kind].values()) >= 8
    wordings = [text for c in bed.concepts for text in c["say"]]
    assert len(set(wordings)) == len(wordings)


def test_wordings_of_concepts_stay_apart_between_splits(bed: Bed) -> None:
    said = {(text, c["split"]) for c in bed.concepts for text in c["say"]}
    for row in bed.constraints:
        if row["class"] == "knowledge":
            assert any(text.lower() in row["query"] and split == row["split"] for text, split in said)


def test_synonym_queries_do_not_use_the_name_they_stand_for(bed: Bed) -> None:
    names = {
        key: row["name"].lower() for f in ("home", "office", "sports") for key, row in read_table(f)["type"].items()
    }
    rows = [c for c in bed.constraints if c["class"] == "synonym" and c["subtype"] == "type"]
    assert len(rows) > 20
    for row in rows:
        key = row["concept"].split(" = ")[1]
        if key in names:
            assert names[key] not in row["query"]


def test_misspelled_queries_differ_from_their_words_but_keep_numbers(bed: Bed) -> None:
    rows = [c for c in bed.constraints if c["class"] == "misspelled"]
    assert len(rows) > 40
    words = {
        word
        for row in bed.catalogue
        for text in (row["title"], row["category"])
        for word in _WORD.findall(text.lower())
    }
    odd = [row for row in rows if any(word not in words for word in _WORD.findall(row["query"]))]
    assert len(odd) > 0.85 * len(rows)


def test_part_number_queries_are_answered_by_one_model(bed: Bed) -> None:
    rows = {row["id"]: row for row in bed.catalogue}
    for c in bed.constraints:
        if c["class"] == "model":
            wanted = next(x["value"] for x in c["answers"][0]["constraints"] if x["attribute"] == "model")
            exact = [rows[pid] for pid, grade in bed.grades[c["qid"]].items() if grade == 3]
            assert {row.get("mpn", wanted) for row in exact} == {wanted}
            assert len({(row["sku"].rsplit("-", 1)[0]) for row in exact}) == 1
            squeezed = re.sub(r"[^a-z0-9]", "", c["query"].lower())
            assert re.sub(r"[^a-z0-9]", "", wanted.lower()) in squeezed


def test_split_by_rank_cuts_in_the_stated_shares() -> None:
    splits = Counter(split_by_rank([f"concept {i}" for i in range(100)]).values())
    assert splits == {"train": 55, "dev": 15, "test": 30}
