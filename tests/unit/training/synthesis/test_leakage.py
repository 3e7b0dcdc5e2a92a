"""No query, template, wording or concept of the test split is in what synthetic pairs are made of."""

from __future__ import annotations

import re

from multirecall.evaluation.testbed.knowledge import KINDS
from multirecall.evaluation.testbed.world import load_world, read_table
from multirecall.training.rewriter.bed_concepts import bed_concepts
from multirecall.training.rewriter.data import split_needs
from multirecall.training.synthesis.mine import queries_of_concepts
from multirecall.training.synthesis.rewrite import Teacher

WORLD = load_world()
TEMPLATES = {
    split: {kind: tuple(read_table("templates")["knowledge"][kind][split]) for kind in KINDS}
    for split in ("train", "test")
}
CONCEPTS = {
    split: [c for c in bed_concepts(WORLD, split=split) if c.kind in KINDS] for split in ("train", "dev", "test")
}
NEEDS = split_needs(
    CONCEPTS["train"], held_out=CONCEPTS["test"], templates=TEMPLATES["train"], test_templates=TEMPLATES["test"]
)


def test_no_test_query_is_a_training_query() -> None:
    taught = {need.text for need in NEEDS.train}
    tested = {need.text for need in (*NEEDS.unseen_phrasing, *NEEDS.unseen_concept)}
    assert len(taught) > 500
    assert len(tested) > 500
    assert not taught & tested


def test_no_template_and_no_concept_of_the_tests_is_taught() -> None:
    tested = {template for some in TEMPLATES["test"].values() for template in some}
    assert not {need.template for need in NEEDS.train} & tested
    held_out = {concept.key for split in ("dev", "test") for concept in CONCEPTS[split]}
    assert not {need.concept for need in NEEDS.train} & held_out
    wordings = {say.lower() for concept in CONCEPTS["test"] for say in concept.say}
    assert not [need.text for need in NEEDS.train for say in wordings if say in need.text]


def test_the_tests_templates_are_none_of_those_that_make_queries_without_a_log() -> None:
    tested = {re.sub(r"\W+", " ", template) for some in TEMPLATES["test"].values() for template in some}
    made = {query.text for query in queries_of_concepts(CONCEPTS["train"])}
    shown = {
        template.replace("say", say.lower()).strip() for template in tested for c in CONCEPTS["train"] for say in c.say
    }
    assert not made & shown - {say.lower() for concept in CONCEPTS["train"] for say in concept.say}


def test_a_teacher_of_the_train_split_has_nothing_to_say_to_a_test_query() -> None:
    from multirecall.core.deadline import Deadline
    from multirecall.search.understand import understand

    teacher = Teacher(CONCEPTS["train"], {need.text: need.concept for need in NEEDS.train})
    asked = [need.text for need in (*NEEDS.unseen_phrasing, *NEEDS.unseen_concept)]
    assert not any(teacher.rewrite(understand(text), Deadline.never()) for text in asked)
    assert all(teacher.rewrite(understand(need.text), Deadline.never()) for need in NEEDS.train)
