"""Judgments from clicks against the generated truth: does taking position bias out help, and does it do no harm?

    python -m benchmarks.clicks --seeds 5

The generated log has 63,000 impressions over 400 queries of a shop with 2,000 products, and a known examination of each
position, `k^-severity`. Two questions per seed. *Recovery*: the products that a query has shown, ranked by what the log
says of them, against their true grades. *Learning*: a linear model of two features, a noisy hint of the grade and the
trait that the old system ranked by, which has nothing to do with relevance, is fitted to the log's figures of one half
of the queries and ranks all products of the other half. What is fitted to clicks as they are learns the old system's
taste: `trait` is the weight it gets, relative to that of the hint. (It is below 0 where nothing is biased, because what
is shown in spite of a low trait is better than its hint says.)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import write_result
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.paired_test import bootstrap_interval, randomisation_test
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.biased_clicks import BiasedClicks, old_trait, write_biased_clicks
from multirecall.evaluation.testbed.draws import draws, unit
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.propensity import Propensities, estimate_propensities
from multirecall.training.clicks.reading import read_click_log
from multirecall.training.clicks.relevance import estimate_relevance
from multirecall.training.clicks.sums import sums_by

Floats = NDArray[np.float64]
ByQuery = dict[str, float]
Grades = Mapping[str, Mapping[str, float]]

MEASURE = NDCG(k=10)
ESTIMATES = ("count", "click rate", "shrunk", "corrected")
"""`shrunk` is the corrected estimate with every position looked at alike: what is left is the correction itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Figures of one generated log; `recovery` and `learning` are nDCG@10 by estimate and query."""

    truth: BiasedClicks
    propensities: Propensities
    recovery: Mapping[str, ByQuery]
    learning: Mapping[str, ByQuery]
    trait: Mapping[str, float]

    def examination_error(self) -> float:
        """The mean absolute error over the positions below the first."""
        found, true = np.array(self.propensities.examination), np.array(self.truth.examination)
        return float(np.abs(found - true[: len(found)])[1:].mean())


def gains(outcomes: Sequence[Outcome], task: str, over: str) -> Floats:
    """Per query, the mean over all logs of what the corrected clicks gain over another estimate. Shape (queries,)."""
    of_query: dict[str, list[float]] = {}
    for one in outcomes:
        figures = getattr(one, task)
        for qid, figure in figures["corrected"].items():
            of_query.setdefault(qid, []).append(figure - figures[over][qid])
    return np.array([np.mean(values) for values in of_query.values()])


def outcome(bed: Path, log_file: Path, *, severity: float, traffic: float = 10.0, seed: int) -> Outcome:
    """Writes one log to `log_file` and judges what is made of it."""
    truth = write_biased_clicks(bed, severity=severity, traffic=traffic, seed=seed, out=log_file)
    log = read_click_log([log_file])
    grades = read_judgments(bed / "judgments.tsv").grades
    propensities = estimate_propensities(log)
    figures = _figures(log, propensities)
    learned = {name: _learned(log, grades, *figures[name], seed) for name in ESTIMATES}
    return Outcome(
        truth=truth,
        propensities=propensities,
        recovery={name: _recovered(log, grades, figures[name][0], seed) for name in ESTIMATES},
        learning={name: values for name, (values, _) in learned.items()},
        trait={name: weight for name, (_, weight) in learned.items()},
    )


def _figures(log: ClickLog, propensities: Propensities) -> dict[str, tuple[Floats, Floats]]:
    """Per estimate: the figure of each pair, and the weight it has in training."""
    pairs = log.pairs()
    clicks, shown = (sums_by(pairs.of_row, counts, len(pairs)) for counts in (log.clicks, log.impressions))
    corrected = estimate_relevance(log, pairs, propensities)
    shrunk = estimate_relevance(log, pairs, estimate_propensities(log, method="none"))
    return {
        "count": (clicks, np.ones(len(pairs))),
        "click rate": (clicks / shown, shown),
        "shrunk": (shrunk.estimate, shrunk.exposure),
        "corrected": (corrected.estimate, corrected.exposure),
    }


def _ndcg(products: Sequence[str], scores: Floats, grades: Mapping[str, float], luck: Floats) -> float:
    order = np.lexsort((luck, -scores))  # equal scores in an order by chance: that of the log would be a hint
    return MEASURE([products[at] for at in order.tolist()], {name: grades[name] for name in products})


def _recovered(log: ClickLog, grades: Grades, figure: Floats, seed: int) -> ByQuery:
    pairs, values = log.pairs(), ByQuery()
    luck = unit(draws(seed, "ties", np.arange(len(pairs), dtype=np.int64)))
    clicked = sums_by(log.query, log.clicks, len(log.queries)) > 0
    for query, qid in enumerate(log.queries):
        rows = np.flatnonzero(pairs.query == query)
        products = [log.products[at] for at in pairs.product[rows].tolist()]
        if clicked[query] and any(grades[qid][name] > 0 for name in products):
            values[qid] = _ndcg(products, figure[rows], grades[qid], luck[rows])
    return values


def _features(qid: str, products: Sequence[str], grades: Mapping[str, float], seed: int) -> Floats:
    """Shape (products, 3): a noisy hint of the grade, the old system's trait, 1."""
    noise = unit(draws(seed, f"hint/{qid}", np.array([int(name[1:]) for name in products], dtype=np.int64)))
    hint = np.array([grades[name] for name in products]) / 3.0 + 1.5 * noise
    return np.column_stack([hint, old_trait(seed, qid, products), np.ones(len(products))])


def _learned(log: ClickLog, grades: Grades, figure: Floats, weight: Floats, seed: int) -> tuple[ByQuery, float]:
    pairs = log.pairs()
    features, products_of = np.empty((len(pairs), 3)), {}
    for query, qid in enumerate(log.queries):
        rows = np.flatnonzero(pairs.query == query)
        products_of[query] = [log.products[at] for at in pairs.product[rows].tolist()]
        features[rows] = _features(qid, products_of[query], grades[qid], seed)
    train = pairs.query % 2 == 0
    root = np.sqrt(weight[train])
    model = np.linalg.lstsq(features[train] * root[:, None], figure[train] * root, rcond=None)[0]
    values = ByQuery()
    for query in range(1, len(log.queries), 2):
        of_query = grades[log.queries[query]]
        if any(of_query[name] > 0 for name in products_of[query]):
            scores = features[pairs.query == query] @ model
            luck = np.arange(len(scores), dtype=np.float64)
            values[log.queries[query]] = _ndcg(products_of[query], scores, of_query, luck)
    return values, float(model[1] / model[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--traffic", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bed = Path(folder) / "bed"
        write_sample(bed, products=2000, queries=400, seed=7)
        for severity in (0.0, 0.5, 1.0, 1.5):
            found = [
                outcome(bed, Path(folder) / "log.tsv.gz", severity=severity, traffic=given.traffic, seed=seed)
                for seed in range(1, given.seeds + 1)
            ]
            rows.append(_row(severity, found))
            print(_printed(rows[-1]), file=sys.stderr, flush=True)
    write_result("clicks", {"seeds": given.seeds, "traffic": given.traffic, "rows": rows}, given.out)


def _row(severity: float, found: Sequence[Outcome]) -> dict[str, object]:
    row: dict[str, object] = {
        "severity": severity,
        "impressions": round(float(np.mean([one.truth.impressions for one in found]))),
        "clicks": round(float(np.mean([one.truth.clicks for one in found]))),
        "method": sorted({one.propensities.method for one in found}),
        "said_to_be_biased": sum(one.propensities.biased for one in found),
        "examination_error": float(np.mean([one.examination_error() for one in found])),
        "trait": {name: float(np.mean([one.trait[name] for one in found])) for name in ESTIMATES},
    }
    for task in ("recovery", "learning"):
        row[task] = {
            name: float(np.mean([np.mean(list(getattr(one, task)[name].values())) for one in found]))
            for name in ESTIMATES
        }
        row[f"{task}_gain"] = {name: _gain(gains(found, task, name)) for name in ESTIMATES[:3]}
    return row


def _gain(values: Floats) -> dict[str, object]:
    interval = bootstrap_interval(values)
    return {
        "queries": len(values),
        "mean": float(values.mean()),
        "interval": [interval.low, interval.high],
        "p": randomisation_test(values).p_two_sided,
    }


def _printed(row: Mapping[str, object]) -> str:
    return "  ".join(f"{name}={value}" for name, value in row.items())


if __name__ == "__main__":
    main()
