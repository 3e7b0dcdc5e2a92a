"""The generated shop for the experiment on synthetic pairs: catalogue, clicks, needs by split, and exact grades."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine
from multirecall.engines.opening import open_engine
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.knowledge import KINDS, load_concepts
from multirecall.evaluation.testbed.meaning import Meaning
from multirecall.evaluation.testbed.phrasing import Phrasing
from multirecall.evaluation.testbed.population import draw_population
from multirecall.evaluation.testbed.queries import draw_queries
from multirecall.evaluation.testbed.rows import product_id
from multirecall.evaluation.testbed.world import load_world, read_table
from multirecall.indexer.build import build
from multirecall.indexer.mapping import read_mapping
from multirecall.indexer.sources import Catalogue
from multirecall.indexer.texts import TextTemplate
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.training.dense.pairs import Pair
from multirecall.training.rewriter.bed_concepts import bed_concepts
from multirecall.training.rewriter.data import Need, concept_needs, split_needs

Floats = NDArray[np.float64]
SETS = ("seen concept", "unseen concept", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestNeed:
    """A test query: `of` one of SETS; `type` its kind or class; `group` what it shares with other wordings."""

    text: str
    of: str
    type: str
    group: str
    good: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """One shop. `ids` and `texts` in the catalogue's order; `taught` and `judged` are queries of training and of the
    judges' labels, each with its concept."""

    folder: Path
    ids: tuple[str, ...]
    texts: Mapping[str, str]
    clicks: tuple[Pair, ...]
    concepts: tuple[Concept, ...]
    taught: tuple[Need, ...]
    judged_concepts: tuple[Concept, ...]
    judged: tuple[Need, ...]
    tests: tuple[TestNeed, ...]
    good_of: Mapping[str, frozenset[str]]  # concept -> ids with grade >= 2
    leaf_of: Mapping[str, str]

    def engine(self, encoder: Encoder) -> Engine:
        """The catalogue in an embedded index of this encoder, built if it is not there."""
        path = self.folder / f"index-{encoder.fingerprint}"
        exists = (path / "complete").exists()
        engine = open_engine(f"embedded:{path}", create=True)
        if not exists:
            build(
                engine,
                Catalogue([self.folder / "catalogue.jsonl"]),
                encoders={"dense": encoder},
                mapping=read_mapping(self.folder / "multirecall.toml"),
            )
            (path / "complete").touch()
        return engine


def make_bed(folder: Path, *, seed: int, products: int, queries: int) -> Bed:
    """Writes the shop of this seed to the folder unless it is there, and reads it with its exact grades."""
    if not (folder / "sample.json").exists():
        write_sample(folder, products=products, queries=queries, seed=seed)
    world = load_world()
    grader = Grader(draw_population(world, products=products, seed=seed))

    def good(meaning: Meaning) -> NDArray[np.int64]:
        graded = grader.grade(meaning)
        return np.concatenate([graded.exact, graded.substitute]).astype(np.int64)

    population = draw_population(world, products=products, seed=seed)
    drawn = draw_queries(grader, Phrasing(population, grader), load_concepts(world), wanted=queries, seed=seed)
    template = read_table("templates")["knowledge"]
    by_split = {split: {kind: template[kind][split] for kind in KINDS} for split in ("train", "dev", "test")}
    of_kind = {
        split: [c for c in bed_concepts(world, split=split) if c.kind in KINDS] for split in ("train", "dev", "test")
    }
    needs = split_needs(
        of_kind["train"], held_out=of_kind["test"], templates=by_split["train"], test_templates=by_split["test"]
    )
    meaning_of = {c.key: c.meaning for c in load_concepts(world)}
    good_of = {key: good(meaning) for key, meaning in meaning_of.items()}
    tests = [
        TestNeed(text=need.text, of=of, type=need.kind, group=need.concept, good=good_of[need.concept])
        for of, some in (("seen concept", needs.unseen_phrasing), ("unseen concept", needs.unseen_concept))
        for need in {need.text: need for need in some}.values()
        if len(good_of[need.concept])
    ]
    tests += [
        TestNeed(text=q.text, of="plain", type=q.cls, group=q.meaning.signature, good=good(q.meaning))
        for q in drawn
        if q.split == "test" and q.cls != "knowledge"
    ]
    rows = [orjson.loads(line) for line in (folder / "catalogue.jsonl").open("rb")]
    template_of = TextTemplate()
    return Bed(
        folder=folder,
        ids=tuple(row["id"] for row in rows),
        texts={row["id"]: f"{row['title']}. {row.get('description', '')}"[: template_of.max_chars] for row in rows},
        clicks=_clicks(folder),
        concepts=tuple(of_kind["train"]),
        taught=needs.train,
        judged_concepts=tuple(of_kind["dev"]),
        judged=tuple(concept_needs(of_kind["dev"], by_split["dev"])),
        tests=tuple(tests),
        good_of={key: frozenset(map(product_id, found.tolist())) for key, found in good_of.items()},
        leaf_of={row["id"]: row["category"].split(" > ")[-1] for row in rows},
    )


def _clicks(folder: Path) -> tuple[Pair, ...]:
    """The clicked pairs of the queries that may be learned from; knowledge queries have no clicks."""
    with (folder / "queries.tsv").open(encoding="utf-8") as file:
        train = {row["qid"] for row in csv.DictReader(file, delimiter="\t") if row["split"] == "train"}
    with gzip.open(folder / "clicks.tsv.gz", "rt", encoding="utf-8") as file:
        found = {
            (row["query"], row["product_id"])
            for row in csv.DictReader(file, delimiter="\t")
            if row["click"] == "1" and row["qid"] in train
        }
    return tuple(Pair(query=query, product=product) for query, product in sorted(found))


def measure(tops: NDArray[np.int64], tests: Sequence[TestNeed]) -> dict[str, Floats]:
    """Figures by measure, one per test query, from the ordinals of its best 100 products (-1: none)."""
    out: dict[str, list[float]] = {}
    for top, test in zip(tops, tests, strict=True):
        hits = np.isin(top, test.good)
        shown = top >= 0
        all_ten = float(hits[:10].all()) if len(test.good) >= 10 else np.nan
        for name, value in (
            ("item good rate @10", hits[:10].sum() / max(1, shown[:10].sum())),
            ("item good rate @50", hits[:50].sum() / max(1, shown[:50].sum())),
            ("query good rate @10, 5 good", float(hits[:10].sum() >= 5)),
            ("query good rate @10, 1 good", float(hits[:10].any())),
            ("query good rate @10, all 10", all_ten),
            ("recall @50", hits[:50].sum() / len(test.good)),
            ("recall @100", hits[:100].sum() / len(test.good)),
        ):
            out.setdefault(name, []).append(float(value))
    return {name: np.array(values) for name, values in out.items()}


def dense_tops(spec: str, bed: Bed, texts: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
    """The best 100 product ordinals of each text by exact cosine, and all cosines (texts, products)."""
    encoder = open_encoder(spec, cache_dir=bed.folder / "encoders", threads=1)
    products = encoder.encode_products([bed.texts[name] for name in bed.ids])
    scores = encoder.encode_queries(list(texts)) @ products.T
    return np.argsort(-scores, axis=1, kind="stable")[:, :100], scores
