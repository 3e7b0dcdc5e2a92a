"""How many wrong labels the audit by clicks finds, and how many of those that it doubts are wrong.

    python -m benchmarks.audit

A generated shop with a log of clicks; every tenth irrelevant or best label that the log shows is turned around.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import write_result
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.biased_clicks import write_biased_clicks
from multirecall.training.clicks import read_click_log
from multirecall.training.graded.audit import audit
from multirecall.training.graded.groups import graded_groups

TOP = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--traffic", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bed = Path(folder) / "bed"
        write_sample(bed, products=options.products, queries=options.queries, seed=7)
        made = write_biased_clicks(bed, traffic=options.traffic, out=bed / "log.tsv.gz")
        data = graded_groups(read_queries(bed / "queries.tsv"), read_judgments(bed / "judgments.tsv"))
        log = read_click_log([made.path])
    shown = {(log.texts[q], log.products[p]) for q, p in zip(log.query, log.product, strict=True)}
    turned: set[tuple[str, str]] = set()
    groups, n = [], 0
    for group in data.groups:
        grades = list(group.grades)
        for at, product in enumerate(group.products):
            if grades[at] in (0, TOP) and (group.query, product) in shown:
                n += 1
                if n % 10 == 0:
                    grades[at] = TOP - grades[at]
                    turned.add((group.query, product))
        groups.append(replace(group, grades=tuple(grades)))
    doubted = {(flag.query, flag.product) for flag in audit(groups, log, top=TOP)}
    result = {
        "impressions": made.impressions,
        "labels_shown": n,
        "turned": len(turned),
        "doubted": len(doubted),
        "doubted_and_turned": len(doubted & turned),
    }
    write_result("audit", result, options.out)


if __name__ == "__main__":
    main()
