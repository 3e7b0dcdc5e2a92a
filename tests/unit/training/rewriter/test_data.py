"""What is taught, and that nothing of the tests is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.engines.opening import open_engine
from multirecall.evaluation.testbed.knowledge import load_concepts
from multirecall.evaluation.testbed.world import World, load_world, read_table
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.training.rewriter.bed_concepts import bed_assortment, bed_concepts
from multirecall.training.rewriter.data import SEPARATOR, Need, examples, plain_needs, read_list, split_needs
from multirecall.training.rewriter.pseudo_titles import with_pseudo_titles
from multirecall.training.rewriter.recipes import open_recipe
from multirecall.training.rewriter.templates import (
    HELD_OUT_TEMPLATES,
    PRACTICE_TEMPLATES,
    REWRITER_TEMPLATES,
    TRAINING_TEMPLATES,
)
from multirecall.training.rewriter.training import Lessons, lessons_of, taught_examples


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


@pytest.fixture(scope="module")
def test_texts(shop_folder: Path) -> frozenset[str]:
    lines = (shop_folder / "queries.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return frozenset(row[4] for row in (line.split("\t") for line in lines) if row[3] != "train")


@pytest.fixture(scope="module")
def lessons(world: World, shop: str, test_texts: frozenset[str]) -> Lessons:
    with open_engine(shop) as engine:
        return lessons_of(
            bed_concepts(world, split="train"),
            engine,
            open_recipe("tiny"),
            held_out=bed_concepts(world, split="test"),
            assortment=bed_assortment(world),
            avoid=test_texts,
        )


def test_no_test_text_template_or_concept_is_taught(
    world: World, shop: str, lessons: Lessons, test_texts: frozenset[str]
) -> None:
    with open_engine(shop) as engine:
        taught = taught_examples(lessons, engine, open_recipe("tiny"))
    queries = {e.query for e in taught} | set(lessons.asked)  # D_sft and the prompts of RL
    held_out = [c for split in ("dev", "test") for c in bed_concepts(world, split=split)]
    tested = {need.text for need in (*lessons.needs.unseen_phrasing, *lessons.needs.unseen_concept)}
    assert len(tested) > 500
    assert not queries & tested
    assert not queries & test_texts
    learned = (*lessons.taught, *lessons.needs.practice)
    assert set(lessons.asked) <= {need.text for need in learned}
    assert not {need.concept for need in learned} & {c.key for c in held_out}
    said = {say.lower() for c in load_concepts(world) if c.split != "train" for say in c.say}
    assert len(said) > 150
    assert not [q for q in queries for say in said if say in q]
    held = {t for templates in HELD_OUT_TEMPLATES.values() for t in templates}
    bed = {t for kind in read_table("templates")["knowledge"].values() for s in ("dev", "test") for t in kind[s]}
    assert not {need.template for need in learned} & (held | bed)


def test_a_held_out_wording_is_in_no_taught_query(lessons: Lessons, world: World) -> None:
    taught = {need.text for need in lessons.needs.train}
    says = {(c.key, say) for c in bed_concepts(world, split="train") for say in c.say}
    held = {(k, say) for k, say in says if not any(say.lower() in text for text in taught)}
    assert 20 < len(held) < len(says) / 2


def test_templates_are_eight_and_more_and_a_third_is_held_out() -> None:
    assert set(TRAINING_TEMPLATES) == set(HELD_OUT_TEMPLATES)
    for kind, templates in TRAINING_TEMPLATES.items():
        held = HELD_OUT_TEMPLATES[kind]
        assert len(set(templates)) == len(templates) >= 8
        assert len(held) / (len(held) + len(templates)) >= 0.3
        assert not set(held) & set(templates)
        assert all("{say}" in t for t in (*templates, *held))


def test_practice_is_in_sentences_that_neither_fine_tuning_nor_the_tests_have(lessons: Lessons) -> None:
    assert not {need.text for need in lessons.needs.practice} & {need.text for need in lessons.taught}
    assert {need.concept for need in lessons.needs.practice} <= {need.concept for need in lessons.needs.train}
    bed = read_table("templates")["knowledge"]
    tested = [t for kind in bed.values() for s in ("dev", "test") for t in kind[s]]
    tested += [t for templates in HELD_OUT_TEMPLATES.values() for t in templates]
    taught = [t for templates in REWRITER_TEMPLATES.values() for t in templates]
    practised = [t for templates in PRACTICE_TEMPLATES.values() for t in templates]
    assert not set(practised) & {*taught, *tested}
    # not one word of a held-out sentence, but those that fine-tuning has anyway
    assert not _words(practised) & (_words(tested) - _words(taught))


def _words(templates: list[str]) -> set[str]:
    return {word for template in templates for word in template.replace("{say}", " ").split()}


def test_without_held_out_concepts_some_are_held_out_by_their_keys() -> None:
    concepts = [Concept(key=f"c{i}", kind="scene", say=(f"say {i}",), find=("lamp",)) for i in range(20)]
    needs = split_needs(concepts)
    unseen = {need.concept for need in needs.unseen_concept}
    assert len(unseen) == 6
    assert {need.concept for need in needs.train} == {c.key for c in concepts} - unseen


def test_bed_concepts_say_what_the_shop_knows(world: World) -> None:
    by_key = {c.key: c for split in ("train", "dev", "test") for c in bed_concepts(world, split=split)}
    assert by_key["back_ache"].find[0] == "lumbar support office chair"
    sofa = by_key["no_animal_sofa"].find
    assert sofa
    assert not [text for text in sofa if "leather" in text.split()]  # a refusal became the values that are left
    assert len(by_key) == len(load_concepts(world)) + sum(k.startswith("slang:") for k in by_key)


def test_lists_hold_distinct_texts_other_than_the_query() -> None:
    need = Need(text="lamp", kind="head", concept="lamp", template="-", finds=("lamp", "a lamp", "b lamp", "c lamp"))
    made = examples([need], n=2, copies=20, seed=1)
    assert made == examples([need], n=2, copies=20, seed=1)
    lists = [e.rewrites.split(SEPARATOR) for e in made]
    assert all(len(set(one)) == 2 and "lamp" not in one for one in lists)
    assert {text for one in lists for text in one} == {"a lamp", "b lamp", "c lamp"}


def test_plain_needs_refuse_by_what_is_left() -> None:
    stock = {"lamp": {"colour": ("red", "blue", "green"), "socket": ("e27", "gu10")}}
    needs = plain_needs(stock, wanted=40, seed=2, avoid=frozenset({"red lamp"}))
    assert {need.kind for need in needs} == {"head", "plain", "misspelled", "refusal"}
    assert "red lamp" not in {need.text for need in needs}
    for need in needs:
        refused = need.text.split()[-1]
        assert need.kind != "refusal" or not any(refused in text.split() for text in need.finds)
    with pytest.raises(InvalidInput, match="attribute"):
        plain_needs({"lamp": {}}, wanted=3, seed=1)


def test_reading_a_generation() -> None:
    assert read_list(" a  b | c || d|e | f", n=4) == ("a b", "c", "d", "e")
    assert read_list("||", n=4) == ()


def test_pseudo_titles_are_the_shops_own(shop: str, shop_folder: Path) -> None:
    need = Need(text="x", kind="scene", concept="x", template="-", finds=("laptop", "zzyzx"))
    with open_engine(shop) as engine:
        (made,) = with_pseudo_titles([need, Need(text="y", kind="scene", concept="y", template="-", finds=("zzyzx",))],
                                     engine, n=5)  # fmt: skip
    catalogue = (shop_folder / "catalogue.jsonl").read_text(encoding="utf-8").lower()
    assert made.text == "x"
    assert all(title.split()[0] in catalogue and "laptop" in title for title in made.finds)
