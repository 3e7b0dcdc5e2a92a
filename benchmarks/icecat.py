"""The Icecat judgments as ir-measures sees them: measures, classes and paired tests."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import Judged, R, ScoredDoc, nDCG

__all__ = ["MEASURES", "Judgments", "RunScores", "paired_p", "read_judgments", "score_run"]

GAINS = {1: 2**1 - 1, 2: 2**2 - 1, 3: 2**3 - 1}
MEASURES = {
    "nDCG@10": nDCG(gains=GAINS) @ 10,
    "condensed": nDCG(gains=GAINS, judged_only=True) @ 10,
    "R@100": R(rel=2) @ 100,
    "judged@10": Judged @ 10,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgments:
    """Grades per query, and the class of each query; `scored` are the queries with a grade above 0."""

    grades: Mapping[str, Mapping[str, int]]
    classes: Mapping[str, str]

    @property
    def scored(self) -> list[str]:
        return [q for q, grades in self.grades.items() if q in self.classes and any(g > 0 for g in grades.values())]


def read_judgments(folder: Path) -> Judgments:
    """`judgments.tsv` and `queries.tsv` of the data folder."""
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    with (folder / "judgments.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            grades[row["qid"]][row["product_id"]] = int(row["grade"])
    with (folder / "queries.tsv").open(encoding="utf-8") as lines:
        classes = {row["qid"]: row["class"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}
    return Judgments(grades=grades, classes=classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScores:
    """One value per measure and scored query, in the order of `Judgments.scored`; no answer counts 0."""

    values: Mapping[str, np.ndarray]
    by_class: Mapping[str, float]

    def mean(self, measure: str) -> float:
        return float(np.nanmean(self.values[measure]))


def score_run(run: Path, judgments: Judgments) -> RunScores:
    """All MEASURES of a TREC run, per query and as means; nDCG@10 also per class."""
    queries = judgments.scored
    position = {q: i for i, q in enumerate(queries)}
    docs = [
        ScoredDoc(qid, doc, float(score))
        for qid, _, doc, _, score, _ in (line.split() for line in run.read_text().splitlines())
        if qid in position
    ]
    qrels = {q: dict(judgments.grades[q]) for q in queries}
    values = {}
    for name, measure in MEASURES.items():
        per_query = np.zeros(len(queries))
        for metric in ir_measures.iter_calc([measure], qrels, docs):
            if not math.isnan(metric.value):
                per_query[position[metric.query_id]] = metric.value
        values[name] = per_query
    classes: dict[str, list[float]] = defaultdict(list)
    for query, value in zip(queries, values["nDCG@10"], strict=True):
        classes[judgments.classes[query]].append(float(value))
    return RunScores(values=values, by_class={c: float(np.mean(v)) for c, v in sorted(classes.items())})


def paired_p(a: Sequence[float], b: Sequence[float], *, rounds: int = 20_000, seed: int = 7) -> float:
    """Two-sided p of the paired randomisation test on the mean difference (Smucker et al., CIKM 2007)."""
    differences = np.asarray(a) - np.asarray(b)
    observed = abs(differences.mean())
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(rounds, len(differences)))
    extreme = np.abs((signs * differences).mean(axis=1)) >= observed - 1e-12
    return float((extreme.sum() + 1) / (rounds + 1))
