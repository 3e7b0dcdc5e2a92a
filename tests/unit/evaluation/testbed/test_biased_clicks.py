from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.biased_clicks import BIASED_HEADER, CART_RATES, old_trait, write_biased_clicks
from tests.unit.evaluation.testbed.bed import Bed, read_tsv


def log_of(path: Path) -> list[dict[str, str]]:
    return read_tsv(gzip.decompress(path.read_bytes()).decode())


def test_clicks_fall_with_the_position_as_the_truth_says(bed: Bed, tmp_path: Path) -> None:
    report = write_biased_clicks(bed.report.out, traffic=20.0, seed=3, out=tmp_path / "log.tsv.gz")
    rows = log_of(report.path)
    assert tuple(rows[0]) == BIASED_HEADER
    assert report.examination == pytest.approx([1 / k for k in range(1, 11)])
    shown, clicked = Counter(), Counter()
    for row in rows:
        if bed.grades[row["qid"]][row["product_id"]] == 3:
            shown[row["position"]] += 1
            clicked[row["position"]] += int(row["click"])
    rates = [clicked[str(k)] / shown[str(k)] for k in range(1, 11)]
    errors = [4 * np.sqrt(rate / shown[str(k)]) + 0.03 / k for k, rate in enumerate(rates, start=1)]
    for k, (rate, error) in enumerate(zip(rates, errors, strict=True), start=1):
        assert rate == pytest.approx(0.35 / k, abs=error)


def test_report_counts_what_the_log_holds_and_is_written_beside_it(bed: Bed, tmp_path: Path) -> None:
    report = write_biased_clicks(bed.report.out, seed=3, out=tmp_path / "log.tsv.gz")
    rows = log_of(report.path)
    assert report.impressions == len(rows)
    assert (report.clicks, report.carts, report.purchases) == tuple(
        sum(int(row[name]) for row in rows) for name in ("click", "cart", "purchase")
    )
    assert report.searches == len({row["query_id"] for row in rows})
    assert all(row["click"] >= row["cart"] >= row["purchase"] for row in rows)
    assert json.loads((tmp_path / "log.json").read_text()) == json.loads(json.dumps(report.to_dict()))
    by_grade = Counter(), Counter()
    for row in rows:
        if row["click"] == "1":
            grade = bed.grades[row["qid"]][row["product_id"]]
            by_grade[0][grade] += 1
            by_grade[1][grade] += int(row["cart"])
    assert by_grade[1][3] / by_grade[0][3] == pytest.approx(CART_RATES[3], abs=0.05)
    classes = {q["qid"]: q["class"] for q in bed.queries}
    assert "knowledge" not in {classes[row["qid"]] for row in rows}


def test_same_arguments_same_bytes_and_another_seed_others(bed: Bed, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.tsv.gz" for i in range(3)]
    first, second, other = (
        write_biased_clicks(bed.report.out, traffic=2.0, seed=seed, out=path)
        for path, seed in zip(paths, (5, 5, 6), strict=True)
    )
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()
    assert first.sha256 == second.sha256 != other.sha256


def test_the_old_system_ranks_by_its_trait(bed: Bed, tmp_path: Path) -> None:
    report = write_biased_clicks(bed.report.out, seed=3, out=tmp_path / "log.tsv.gz")
    rows = log_of(report.path)[:5000]
    top = [old_trait(3, row["qid"], [row["product_id"]])[0] for row in rows if row["position"] == "1"]
    last = [old_trait(3, row["qid"], [row["product_id"]])[0] for row in rows if row["position"] == "10"]
    assert np.mean(top) > np.mean(last) + 0.2


def test_severity_0_has_no_bias(bed: Bed, tmp_path: Path) -> None:
    report = write_biased_clicks(bed.report.out, severity=0.0, seed=3, out=tmp_path / "log.tsv.gz")
    assert report.examination == (1.0,) * 10


@pytest.mark.parametrize("wrong", [{"severity": -1.0}, {"severity": float("nan")}, {"traffic": 0.0}, {"traffic": 1e9}])
def test_values_out_of_range_are_refused(bed: Bed, tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(InvalidInput):
        write_biased_clicks(bed.report.out, out=tmp_path / "log.tsv.gz", **wrong)
    assert not list(tmp_path.iterdir())
