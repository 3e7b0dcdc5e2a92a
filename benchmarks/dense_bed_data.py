"""The generated shop for graded training: a few judgments to learn from, and the whole truth to be measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine
from multirecall.engines.opening import open_engine
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.knowledge import load_concepts
from multirecall.evaluation.testbed.phrasing import Phrasing
from multirecall.evaluation.testbed.population import draw_population
from multirecall.evaluation.testbed.queries import draw_queries
from multirecall.evaluation.testbed.rows import product_id
from multirecall.evaluation.testbed.typos import misspell
from multirecall.evaluation.testbed.world import load_world
from multirecall.indexer.build import build
from multirecall.indexer.mapping import read_mapping
from multirecall.indexer.sources import Catalogue
from multirecall.training.graded.groups import GradedGroup, graded_groups
from multirecall.training.graded.recalling import lexical_hits
from multirecall.training.graded.scales import FOUR_GRADES, three_levels
from multirecall.training.graded.splits import bed_queries, by_split_column
from multirecall.wiring.encoder_training import catalogue_texts

TAUGHT = {3: 6, 2: 6, 1: 6, 0: 10}
"""The most products of each grade that a training query has a judgment for: all else of it is unjudged."""
MEASURED = {3: 10, 2: 10, 1: 10, 0: 20}
"""The same for dev and test queries: the pairs that scores are compared over."""
FOUND = 50
"""Half of the irrelevant products are among so many that BM25 finds, as judgments of a shop's search are; half are
drawn from the department and the whole shop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """`texts` by product id; groups of four levels by split; `three` those of three levels, and `truth` all products of
    a grade above 0, by query id. `slips` are misspelt copies of test queries, their `original` the query's id.
    By product: `copies`, its text as another seller has it; `models`, whose variants differ in one attribute; and
    `families`, the departments."""

    texts: Mapping[str, str]
    train: Sequence[GradedGroup]
    dev: Sequence[GradedGroup]
    test: Sequence[GradedGroup]
    three: Mapping[str, GradedGroup]
    truth: Mapping[str, Mapping[str, int]]
    slips: Sequence[GradedGroup]
    copies: Mapping[str, str]
    models: Mapping[str, int]
    families: Mapping[str, str]


def bed_engine(folder: Path, encoder: Encoder, *, products: int, queries: int, seed: int) -> Engine:
    """The shop in an embedded index of this encoder; both are made unless they are there."""
    bed = folder / "bed"
    if not (bed / "sample.json").exists():
        write_sample(bed, products=products, queries=queries, seed=seed)
    exists = (folder / "indexed").exists()
    engine = open_engine(f"embedded:{folder / 'index'}", create=True)
    if not exists:
        catalogue = Catalogue([bed / "catalogue.jsonl"])
        build(engine, catalogue, encoders={"dense": encoder}, mapping=read_mapping(bed / "multirecall.toml"))
        (folder / "indexed").touch()
    return engine


def read_bed(folder: Path, engine: Engine, *, products: int, queries: int, seed: int) -> Bed:
    """The bed of these sizes and this seed, graded anew in full; raises InvalidInput if its splits share a query's
    text, meaning, concept or template."""
    world = load_world()
    population = draw_population(world, products=products, seed=seed)
    grader = Grader(population)
    drawn = draw_queries(grader, Phrasing(population, grader), load_concepts(world), wanted=queries, seed=seed)
    truth: dict[str, dict[str, int]] = {}
    for query in drawn:
        graded = grader.grade(query.meaning)
        of_grade = {3: graded.exact, 2: graded.substitute, 1: graded.complement}
        truth[query.qid] = {product_id(one): grade for grade, found in of_grade.items() for one in found.tolist()}
    texts = catalogue_texts(engine)
    asked = bed_queries(folder / "bed")
    drawn_zero = _irrelevant(folder / "bed" / "judgments.tsv")
    by_words = lexical_hits(engine, [query.text for query in asked], FOUND)
    split = {query.qid: query.columns["split"] for query in asked}

    def judged(query: JudgedQuery, found: Sequence[str]) -> dict[str, float]:
        most = TAUGHT if split[query.qid] == "train" else MEASURED
        dice = Dice(seed, f"judged {query.qid}")
        good = truth[query.qid]
        of_grade = {grade: sorted(one for one, of in good.items() if of == grade) for grade in (3, 2, 1)}
        hard = dice.shuffled([one for one in found if one not in good])[: most[0] // 2]
        of_grade[0] = [*hard, *dice.shuffled(sorted({*drawn_zero.get(query.qid, ())} - {*hard}))]
        some = {grade: (of_grade[0] if grade == 0 else dice.shuffled(of_grade[grade]))[:n] for grade, n in most.items()}
        return {one: float(grade) for grade, names in some.items() for one in names}

    judgments = Judgments(
        grades={query.qid: judged(query, found) for query, found in zip(asked, by_words, strict=True)}
    )
    groups = graded_groups(asked, judgments, catalogue=texts, scale=FOUR_GRADES).groups
    of_three = graded_groups(asked, judgments, catalogue=texts, scale=three_levels()).groups
    parts = by_split_column(_without_leaks(groups))
    names = [product_id(at) for at in range(len(population))]
    types = [world.types[kind] for kind in population.kind.tolist()]
    return Bed(
        texts=texts,
        train=parts["train"],
        dev=parts["dev"],
        test=parts["test"],
        three={group.qid: group for group in of_three},
        truth=truth,
        slips=_misspelt(parts["test"], seed),
        copies={
            name: f"{world.noise_before[at % len(world.noise_before)]} {texts[name]}" for at, name in enumerate(names)
        },
        models=dict(zip(names, population.group.tolist(), strict=True)),
        families={name: of.family.name for name, of in zip(names, types, strict=True)},
    )


def _without_leaks(groups: Sequence[GradedGroup]) -> list[GradedGroup]:
    """Without what a later split (train, dev, test) asks for too: a knowledge concept may mean what a plain query of
    another split says ("asanas at dawn", "buy yoga mat")."""
    known: set[str] = set()
    kept = []
    for split in ("test", "dev", "train"):
        own = [group for group in groups if group.columns["split"] == split]
        kept += [group for group in own if group.columns["signature"] not in known]
        known |= {group.columns["signature"] for group in own}
    return kept


def _irrelevant(judgments: Path) -> dict[str, list[str]]:
    """The products of grade 0 that the bed drew for each query."""
    found: dict[str, list[str]] = {}
    with judgments.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            qid, product, grade, _ = line.split("\t")
            if grade == "0":
                found.setdefault(qid, []).append(product)
    return found


def _misspelt(groups: Sequence[GradedGroup], seed: int, *, most: int = 500) -> list[GradedGroup]:
    """Copies with the bed's slips, which are not those of the augmentation."""
    copies = []
    for group in groups:
        if group.columns["class"] in ("misspelled", "model"):
            continue
        text = misspell(group.query, Dice(seed, f"test slip {group.qid}"))
        if text is not None:
            copies.append(replace(group, query=text, qid=f"{group.qid}~test-slip", original=group.qid))
    return copies[:most]
