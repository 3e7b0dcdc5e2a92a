"""Grades against a second implementation that looks at every product, one by one, as names and texts."""

from __future__ import annotations

from typing import Any

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.meaning import Answer, Constraint, Meaning
from multirecall.evaluation.testbed.population import Population, draw_population
from multirecall.evaluation.testbed.rows import product_id
from multirecall.evaluation.testbed.world import World, load_world, read_table
from tests.unit.evaluation.testbed.bed import Bed


def facts_of(population: Population) -> dict[str, dict[str, Any]]:
    """Every product as names and texts: type, brand, model, price, the device it belongs to, its attributes."""
    world, out = population.world, {}
    for i in range(len(population)):
        t = world.types[population.kind[i]]
        device = int(population.device[i])
        out[product_id(i)] = {
            "type": t.key,
            "fits": t.fits,
            "brand": world.brands[population.brand[i]],
            "price": int(population.price_minor[i]),
            "model": population.model(int(population.group[i])),
            "compatible_with": population.device_name(device) if device >= 0 else None,
            **{a.name: a.values[population.values[i, s]] for s, a in enumerate(t.attributes)},
        }
    return out


def holds(facts: dict[str, Any], constraint: dict[str, Any]) -> bool:
    has, wanted = facts[constraint["attribute"]], constraint["value"]
    if constraint["op"] == "at most":
        return bool(has <= wanted)
    return bool((has == wanted) == (constraint["op"] == "is"))


def grade(
    facts: dict[str, Any],
    answers: list[dict[str, Any]],
    exact: set[tuple[str, str]],
    links: dict[tuple[str, str], list[str]],
) -> int:
    best = 0
    for answer in answers:
        if facts["type"] in answer["types"] and all(holds(facts, c) for c in answer["constraints"] if c["hard"]):
            best = max(best, 3 if all(holds(facts, c) for c in answer["constraints"]) else 2)
    asked = {key for answer in answers for key in answer["types"]}
    if best or facts["type"] in asked:
        return best
    for answer in answers:
        for key in answer["types"]:
            match = links.get((key, facts["type"]))
            wanted = [c for c in answer["constraints"] if c["op"] == "is" and c["attribute"] in (match or [])]
            if match is not None and all(facts[c["attribute"]] == c["value"] for c in wanted):
                return 1
            if (key, facts["compatible_with"]) in exact and (facts["fits"] == key or fits_of(key) == facts["type"]):
                return 1
    return 0


_WORLD: World = load_world()


def fits_of(key: str) -> str | None:
    return _WORLD.type(key).fits


def test_grades_equal_those_of_looking_at_every_product(bed: Bed) -> None:
    facts = facts_of(draw_population(_WORLD, products=bed.report.products, seed=bed.report.seed))
    links = {}
    for one, other, match in read_table("complements")["links"]:
        links[one, other] = links[other, one] = match
    seen = {3: 0, 2: 0, 1: 0}
    for row in bed.constraints[::4]:
        answers, judged = row["answers"], bed.grades[row["qid"]]
        first = {pid: grade(f, answers, set(), {}) for pid, f in facts.items()}
        exact = {
            (facts[pid]["type"], facts[pid]["compatible_with"])
            for pid, g in first.items()
            if g == 3 and facts[pid]["compatible_with"]
        }
        expected = {pid: g for pid, f in facts.items() if (g := grade(f, answers, exact, links))}
        assert {pid: g for pid, g in judged.items() if g} == expected, row["query"]
        for g in seen:
            seen[g] += sum(1 for value in expected.values() if value == g)
        assert row["counts"]["exact"] == sum(1 for g in expected.values() if g == 3) > 0
    assert min(seen.values()) > 500, "the bed exercises every grade"


def test_fields_and_descriptions_tell_the_facts_that_grades_use(bed: Bed) -> None:
    facts = facts_of(draw_population(_WORLD, products=bed.report.products, seed=bed.report.seed))
    gaps = 0
    for row in bed.catalogue:
        true = facts[row["id"]]
        assert row["price"] == f"{true['price'] / 100:.2f}"
        assert row.get("brand", true["brand"]) == true["brand"]
        assert true["brand"].lower() in row["title"].lower()
        for slot in _WORLD.type(true["type"]).attributes:
            field = row.get("attr_" + slot.name)
            assert field in (None, true[slot.name])
            if field is None:
                gaps += 1
                assert true[slot.name] in row["description"]
        if true["fits"] and true["compatible_with"]:
            assert row["attr_compatible_with"] == true["compatible_with"]
    assert gaps > len(bed.catalogue) / 10


def test_grade_when_the_type_lacks_the_attribute_says_so() -> None:
    grader = Grader(draw_population(_WORLD, products=300, seed=1))
    meaning = Meaning(answers=(Answer(types=("hammer",), constraints=(Constraint(attribute="scent", value="rose"),)),))
    with pytest.raises(InvalidInput, match="hammer has no attribute 'scent'"):
        grader.grade(meaning)


def test_a_refused_value_is_never_a_substitute() -> None:
    population = draw_population(_WORLD, products=4000, seed=1)
    machine = _WORLD.type("coffee_machine")
    slot = machine.slot("function")
    assert slot is not None
    refused = Constraint(attribute="function", op="is not", value="capsule", hard=True)
    graded = Grader(population).grade(Meaning(answers=(Answer(types=("coffee_machine",), constraints=(refused,)),)))
    capsule = machine.attributes[slot].values.index("capsule")
    assert len(graded.exact) > 0
    assert not (population.values[graded.exact, slot] == capsule).any()
    assert len(graded.substitute) == 0
